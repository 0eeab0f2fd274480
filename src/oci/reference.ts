import { phrase, phraseOf } from "../errors/index.ts";
import { type Digest, isDigest, parseDigest } from "./digest.ts";
import { OciError } from "./errors.ts";
import { parseTag, type Tag } from "./tag.ts";

declare const repositoryBrand: unique symbol;
declare const pathBrand: unique symbol;

/**
 * A repository with its registry host, such as `us.gcr.io/some-prod/foo` or `localhost:5000/foo`. The host is always
 * written out: there is no default registry, because a promotion to a guessed place is worse than an error.
 */
export type RepositoryName = string & { readonly [repositoryBrand]: true };

/** A repository without its host, as it stands in `/v2/<path>/`: safe in a URL and as a relative file path. */
export type RepositoryPath = string & { readonly [pathBrand]: true };

/** A tag or a digest: what the distribution specification calls a reference within a repository. */
export type Target = Tag | Digest;

/** A repository and what is meant in it; without a target, `latest` is *not* implied. */
export interface Reference {
  readonly repository: RepositoryName;
  readonly tag?: Tag | undefined;
  readonly digest?: Digest | undefined;
}

const label = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const hostPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-f:.]+\\])(?::[0-9]{1,5})?$`);
const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const maxNameLength = 255;

/** Whether the text can be a registry host: it has a dot or a port, or is `localhost`. */
export function isHost(text: string): boolean {
  return hostPattern.test(text) && (/[.:]/.test(text) || text === "localhost");
}

/**
 * What is wrong with the text as a repository name with host, or `undefined`: the grammar of the distribution
 * specification (`<name>`), which forbids upper case, `..`, and empty components.
 */
export function repositoryFault(text: string): string | undefined {
  const slash = text.indexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  if (text === "") return "it is empty";
  if (host.includes("@") || /^[^/]*\/\/[^/]*@/.test(text)) {
    return "it has a user name in it; no password belongs there: log in with waybill login HOST";
  }
  if (hasScheme(text)) return "it has a scheme; write it without, as in registry.example.com/foo";
  if (!isHost(host)) {
    if (/[A-Z]/.test(host)) return `the host ${shown(host)} has upper-case letters`;
    return `${shown(host)} is no registry host; write it out, as in docker.io/library/foo`;
  }
  if (slash < 0) return "it names a registry but no repository";
  const path = text.slice(slash + 1);
  if (path === "" || path.startsWith("/") || path.endsWith("/") || path.includes("//"))
    return "it has an empty path component";
  if (/[A-Z]/.test(path)) return "repository names are lower case";
  if (path.length > maxNameLength) return `its path is longer than ${maxNameLength} characters`;
  if (!pathPattern.test(path)) return `${JSON.stringify(path)} is no repository path`;
  return undefined;
}

function hasScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/** Whether the text is the path of a repository, by the grammar of `<name>` in the distribution specification. */
export function isRepositoryPath(text: string): text is RepositoryPath {
  return text.length <= maxNameLength && pathPattern.test(text);
}

/** The text as a repository name with host. @throws {OciError} `invalid-reference`. */
export function parseRepository(text: string): RepositoryName {
  const fault = repositoryFault(text);
  if (fault === undefined) return text as RepositoryName;
  throw new OciError("invalid-reference", phrase`invalid repository ${shown(text)}: ${phraseOf(fault)}`);
}

/** The text in quotes, cut short, and without what may be a password: people paste `user:password@host/path`. */
function shown(text: string): string {
  return JSON.stringify(text.replace(/^.*@/s, "…@").slice(0, 200));
}

/** Host (`host` or `host:port`, lower case) and path below it, as in `/v2/<path>/`, of a repository name. */
export function splitRepository(name: RepositoryName): { readonly host: string; readonly path: string } {
  const slash = name.indexOf("/");
  return { host: name.slice(0, slash), path: name.slice(slash + 1) };
}

/**
 * The text as a reference: `host/path`, `host/path:tag`, `host/path@digest` or `host/path:tag@digest`. A leading
 * `docker://`, which other tools want, is accepted. @throws {OciError} `invalid-reference`, `invalid-tag` or `invalid-digest`.
 */
export function parseReference(text: string): Reference {
  let rest = text.startsWith("docker://") ? text.slice("docker://".length) : text;
  let digest: Digest | undefined;
  const at = rest.indexOf("@");
  if (hasScheme(rest) || (at >= 0 && !rest.slice(0, at).includes("/"))) parseRepository(rest);
  if (at >= 0) {
    digest = parseDigest(rest.slice(at + 1));
    rest = rest.slice(0, at);
  }
  let tag: Tag | undefined;
  const colon = rest.lastIndexOf(":");
  if (colon > rest.lastIndexOf("/") && rest.includes("/")) {
    tag = parseTag(rest.slice(colon + 1));
    rest = rest.slice(0, colon);
  }
  return {
    repository: parseRepository(rest),
    tag,
    digest,
  };
}

/** A reference as text, the inverse of {@link parseReference}. */
export function formatReference(repository: string, target: Target): string {
  return isDigest(target) ? `${repository}@${target}` : `${repository}:${target}`;
}
