import { setTimeout as sleep } from "node:timers/promises";
import {
  type Descriptor,
  type Digest,
  digestOf,
  type ImageDocument,
  isTag,
  limits,
  mediaTypes,
  OciError,
  readImageContent,
  type Tag,
} from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { refusal } from "./answer.ts";
import { fetchDocument, putDocument } from "./documents.ts";
import { nextPage, pages } from "./pagination.ts";
import { type Remote, reading, urlIn } from "./remote.ts";

/**
 * Manifests whose subject is the digest: from the referrers API or, where the registry has none, from the referrers
 * tag (distribution specification, "Listing Referrers"). The filter is applied here whatever the registry says of
 * `OCI-Filters-Applied`: it costs nothing.
 */
export async function referrersOf(
  remote: Remote,
  subject: Digest,
  artifactType?: string,
): Promise<readonly Descriptor[]> {
  const all =
    (await askForReferrers(remote, subject, artifactType)) ?? (await taggedReferrers(remote, subject));
  return artifactType === undefined ? all : all.filter((found) => found.artifactType === artifactType);
}

/** The answer of the referrers API, or `undefined` where there is none. */
async function askForReferrers(
  remote: Remote,
  subject: Digest,
  artifactType: string | undefined,
): Promise<readonly Descriptor[] | undefined> {
  const first = urlIn(remote, `referrers/${subject}`);
  if (artifactType !== undefined) first.searchParams.set("artifactType", artifactType);
  const found: Descriptor[] = [];
  let supported = false;
  const request = { kind: "referrers", method: "GET", headers: { accept: mediaTypes.ociIndex } } as const;
  const read = async (url: URL) => {
    const asking = reading(remote, { ...request, url, target: subject, follow: true });
    const answer = await remote.client.send(asking, limits.manifestBytes);
    if ([404, 405, 501].includes(answer.status)) return undefined;
    if (answer.status !== 200) throw await refusal(remote, answer, "listing referrers", subject);
    return { page: descriptorsIn(answer.bytes, remote), next: nextPage(answer, url, remote.name) };
  };
  for await (const page of pages(first, remote.name, read)) {
    supported = true;
    found.push(...page);
    if (found.length > limits.closureDescriptors) {
      throw new RegistryError(
        "too-large",
        `${subject} has more than ${limits.closureDescriptors} referrers`,
        {
          where: remote.name,
        },
      );
    }
  }
  return supported ? found : undefined;
}

function descriptorsIn(bytes: Uint8Array, remote: Remote): readonly Descriptor[] {
  const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  return readImageContent({ descriptor, bytes }, remote.name).children;
}

/** The tag of a digest's referrers: algorithm and hexadecimal digits, cut to 32 and 64 characters. */
function referrersTag(subject: Digest): Tag {
  const [algorithm = "", hex = ""] = subject.split(":");
  const tag = `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
  if (isTag(tag)) return tag;
  throw new OciError("invalid-tag", `${subject} has no referrers tag`);
}

async function taggedReferrers(remote: Remote, subject: Digest): Promise<readonly Descriptor[]> {
  const document = await fetchDocument(remote, referrersTag(subject));
  return document === undefined ? [] : readImageContent(document, remote.name).children;
}

/** Writes to the referrers tags that are under way, so that one process loses no entry of its own. */
const underWay = new Map<string, Promise<void>>();

/**
 * Puts a manifest and, when it is about another one and the registry does not say that it keeps count of referrers,
 * adds it to the referrers tag of its subject (distribution specification, "Pushing Manifests with Subject").
 */
export async function putWithSubject(
  remote: Remote,
  document: ImageDocument,
  tags: readonly Tag[],
): Promise<void> {
  const { keepsReferrers } = await putDocument(remote, document, tags);
  if (keepsReferrers || !mentionsSubject(document)) return;
  const { subject } = readImageContent(document, remote.name);
  if (subject === undefined) return;
  const key = `${remote.client.endpoint.host}/${remote.path}@${subject.digest}`;
  const before = underWay.get(key) ?? Promise.resolve();
  const mine = before.catch(() => {}).then(() => recordReferrer(remote, subject.digest, document));
  underWay.set(key, mine);
  try {
    await mine;
  } finally {
    if (underWay.get(key) === mine) underWay.delete(key);
  }
}

/** A cheap look before a document is read as a whole: most have no subject. */
function mentionsSubject({ bytes }: ImageDocument): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('"subject"');
}

/** Times that an entry is written again when another process has overwritten it. */
const mostRecords = 8;

/**
 * Adds an entry to the referrers tag, and looks whether it stays: a registry has no way to write only if nobody else has
 * written, so that of two processes that read the same list the later one takes out what the earlier one put in. Who
 * could do that has read before the entry was there, and writes within about the time that reading and writing take:
 * after so long it is looked for, and added again when it is gone.
 */
async function recordReferrer(remote: Remote, subject: Digest, document: ImageDocument): Promise<void> {
  const entry = entryOf(remote, document);
  for (let attempt = 0; attempt < mostRecords; attempt += 1) {
    const began = performance.now();
    if (!(await addReferrer(remote, subject, entry))) return;
    // By chance, so that two who collide do not collide again.
    await sleep(Math.min((performance.now() - began) * (1 + Math.random()), longestSettling));
  }
  throw new RegistryError(
    "unexpected-response",
    `others keep overwriting the list of referrers of ${subject}`,
    {
      where: remote.name,
      hint: "run again when nobody else attaches anything to this image",
    },
  );
}

/** Milliseconds after which an entry is looked for again, at most. */
const longestSettling = 2000;

/** The manifest as lists of referrers show it (distribution specification, "Listing Referrers"). */
function entryOf(remote: Remote, document: ImageDocument): Descriptor {
  const { artifactType, annotations } = readImageContent(document, remote.name);
  return {
    ...document.descriptor,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** @returns Whether it was not there yet, so that the list was written. */
async function addReferrer(remote: Remote, subject: Digest, entry: Descriptor): Promise<boolean> {
  const tag = referrersTag(subject);
  const present = await fetchDocument(remote, tag);
  const content = present === undefined ? undefined : readImageContent(present, remote.name);
  if (content?.kind === "manifest") {
    throw new RegistryError("unexpected-response", `the tag ${tag}, which is for referrers, is an image`, {
      where: remote.name,
      hint: "delete that tag, then run again",
    });
  }
  const known = content?.children ?? [];
  if (known.some(({ digest }) => digest === entry.digest)) return false;
  const bytes = Buffer.from(JSON.stringify(withEntry(present?.bytes, entry)));
  if (bytes.length > limits.manifestBytes) {
    throw new RegistryError("too-large", `the list of referrers of ${subject} is full`, {
      where: remote.name,
    });
  }
  const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  await putDocument(remote, { descriptor, bytes }, [tag]);
  return true;
}

/** The index with one more entry; what it holds stays as it is, with fields that nobody here knows. */
function withEntry(index: Uint8Array | undefined, entry: Descriptor): object {
  const empty = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
  const json: { manifests: unknown[] } =
    index === undefined ? empty : JSON.parse(Buffer.from(index).toString("utf8"));
  return { ...empty, ...json, mediaType: mediaTypes.ociIndex, manifests: [...json.manifests, entry] };
}
