import {
  algorithmOf,
  type Descriptor,
  type Digest,
  digestOf,
  hexOf,
  type ImageDocument,
  limits,
  mediaTypes,
  parseTag,
  readImageContent,
  type Tag,
} from "../../oci/index.ts";
import { readBody } from "../body.ts";
import { discard } from "./answer.ts";
import { nextPage, pages } from "./pagination.ts";
import { createRemoteRepository, type Remote } from "./remote-repository.ts";

/** The referrers API, or the referrers tag where the registry has no API (distribution specification, "Listing Referrers"). */
export async function referrersOf(
  remote: Remote,
  subject: Digest,
  artifactType?: string,
): Promise<readonly Descriptor[]> {
  const first = remote.url(`referrers/${subject}`);
  if (artifactType !== undefined) first.searchParams.set("artifactType", artifactType);
  let supported = false;
  const found: Descriptor[] = [];
  const read = async (url: URL) => {
    const response = await remote.send({
      kind: "referrers",
      method: "GET",
      url,
      headers: { accept: mediaTypes.ociIndex },
      follow: true,
    });
    if (response.status === 404 || response.status === 405 || response.status === 501) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await remote.refusal(response, "listing referrers", subject);
    const bytes = await readBody(response.body, limits.manifestBytes, remote.name);
    return { page: descriptorsOf(bytes, remote), next: nextPage(response, remote.name) };
  };
  for await (const page of pages(first, remote.name, read)) {
    supported = true;
    found.push(...page);
  }
  const all = supported ? found : await taggedReferrers(remote, subject);
  return artifactType === undefined
    ? all
    : all.filter((descriptor) => descriptor.artifactType === artifactType);
}

function descriptorsOf(bytes: Buffer, remote: Remote): readonly Descriptor[] {
  const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  return readImageContent({ descriptor, bytes }, remote.name).children;
}

function referrersTag(subject: Digest): Tag {
  return parseTag(`${algorithmOf(subject)}-${hexOf(subject)}`.slice(0, 128));
}

async function taggedReferrers(remote: Remote, subject: Digest): Promise<readonly Descriptor[]> {
  const document = await repositoryOf(remote).fetch(referrersTag(subject));
  return document === undefined ? [] : readImageContent(document, remote.name).children;
}

/** Adds a manifest to the referrers tag of its subject, on registries that do not keep referrers themselves. */
export async function recordReferrer(
  remote: Remote,
  subject: Digest,
  document: ImageDocument,
): Promise<void> {
  const known = await taggedReferrers(remote, subject);
  if (known.some(({ digest }) => digest === document.descriptor.digest)) return;
  const { artifactType, annotations } = readImageContent(document, remote.name);
  const entry: Descriptor = {
    ...document.descriptor,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...known, entry] };
  const bytes = Buffer.from(JSON.stringify(index));
  const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  await repositoryOf(remote).put({ descriptor, bytes }, referrersTag(subject));
}

function repositoryOf(remote: Remote) {
  return createRemoteRepository(remote.client, remote.name, remote.placed);
}
