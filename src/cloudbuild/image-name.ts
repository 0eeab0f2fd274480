import { quoted } from "../diagnostics/index.ts";
import { isDigest, isHost, isRepositoryPath, isTag } from "../oci/index.ts";

/** What is wrong with the name of an image as Docker takes it, host and tag or not; in Google's words. */
export function imageNameFault(name: string): string | undefined {
  const fault = referenceFault(name);
  if (fault === undefined) return undefined;
  if (/[A-Z]/.test(name) && referenceFault(lowerCase(name)) === undefined) {
    return `invalid image name ${quoted(name)} contains uppercase letters`;
  }
  return `invalid image name ${quoted(name)}: could not parse reference: ${fault}`;
}

function referenceFault(name: string): string | undefined {
  if (name === "") return "it is empty";
  const { repository, tag, digest } = partsOf(name);
  if (digest !== undefined && !isDigest(digest)) return `${quoted(digest)} is no digest`;
  if (tag === "") return "its tag is empty";
  if (tag !== undefined && !isTag(tag)) return `${quoted(tag)} is no tag`;
  const slash = repository.indexOf("/");
  const host = repository.slice(0, Math.max(slash, 0));
  const path = isHost(host) ? repository.slice(slash + 1) : repository;
  return isRepositoryPath(path) ? undefined : `${quoted(repository)} is no repository`;
}

function lowerCase(name: string): string {
  const { repository } = partsOf(name);
  return repository.toLowerCase() + name.slice(repository.length);
}

function partsOf(name: string): { repository: string; tag: string | undefined; digest: string | undefined } {
  const at = name.indexOf("@");
  const tagged = at < 0 ? name : name.slice(0, at);
  const colon = tagged.lastIndexOf(":");
  const hasTag = colon > tagged.lastIndexOf("/");
  return {
    repository: hasTag ? tagged.slice(0, colon) : tagged,
    tag: hasTag ? tagged.slice(colon + 1) : undefined,
    digest: at < 0 ? undefined : name.slice(at + 1),
  };
}
