import { phrase, phraseOf } from "../../errors/index.ts";
import { type AnswerHead, answerDetails, headerOf, isSuccess, isTransientStatus } from "../../http/index.ts";
import {
  acceptedManifests,
  algorithmOf,
  bareMediaType,
  type Descriptor,
  type Digest,
  describeBytes,
  digestMatches,
  digestOf,
  type ImageDocument,
  isDigest,
  isImageType,
  jsonIn,
  limits,
  type Tag,
  type Target,
} from "../../oci/index.ts";
import { type RegistryError, UnknownContentError } from "../errors.ts";
import type { RequestKind } from "../events.ts";
import { deleteScope } from "../host/authorizer.ts";
import { readServerErrors, saidBehind } from "../host/server-text.ts";
import type { ResolveOptions } from "../repository.ts";
import { Ability } from "./ability.ts";
import { absence } from "./absence.ts";
import { refusal, refusedManifest, statedDigest } from "./answer.ts";
import { damage, mendingDamage } from "./damage.ts";
import { failed, type Remote, reading, urlIn, whereIn, writing } from "./remote.ts";

/**
 * What a tag or digest stands for, whatever its media type. A `HEAD` shows what is there; where it does not, or not all of
 * digest, media type and size, the same is asked by `GET`: only its answer has a body that can say that something is
 * absent ({@link absence}).
 */
export async function resolveTarget(
  remote: Remote,
  target: Target,
  { mode }: ResolveOptions = {},
): Promise<Descriptor | undefined> {
  if (mode === "likely-absent") return identify(remote, target);
  const answer = await remote.client.send(manifestRequest(remote, "resolve", "HEAD", target));
  if (answer.status === 404 && mode === "glance") return undefined;
  const stated = answer.status === 200 ? statedDescriptor(answer) : undefined;
  if (stated !== undefined) {
    if (isDigest(target) && stated.digest !== target) throw lied(remote, target, stated.digest);
    return stated;
  }
  // A refusal of HEAD has no body that says why; GET is answered, or refused with a reason.
  if (isTransientStatus(answer.status)) throw await refusal(remote, answer, "asking for an image", target);
  return identify(remote, target);
}

function manifestRequest(remote: Remote, kind: RequestKind, method: "GET" | "HEAD", target: Target) {
  const headers = { accept: acceptedManifests };
  return reading(remote, kind, method, `manifests/${target}`, { headers, follow: true, target });
}

function statedDescriptor(answer: AnswerHead): Descriptor | undefined {
  const digest = statedDigest(answer);
  const mediaType = bareMediaType(headerOf(answer, "content-type") ?? "");
  const length = headerOf(answer, "content-length") ?? "";
  if (digest === undefined || mediaType === "" || !/^\d{1,15}$/.test(length)) return undefined;
  return { mediaType, digest, size: Number(length) };
}

/** By `GET`. A manifest of another kind than ours is told by what the registry says of it: nobody reads its bytes. */
function identify(remote: Remote, target: Target): Promise<Descriptor | undefined> {
  return mendingDamage(remote.client, "manifest-get", async () => {
    const served = await getManifest(remote, target);
    if (served === undefined) return undefined;
    const { mediaType, bytes, stated } = served;
    if (isImageType(mediaType)) return hashed(remote, target, served).descriptor;
    if (!isManifestOfSomeKind(bytes)) throw noManifest(remote, target, mediaType);
    const digest = isDigest(target) ? target : stated;
    if (digest !== undefined) return { mediaType, digest, size: bytes.length };
    // The digest of a signed manifest leaves its signatures out: only the registry knows it.
    if (mediaType === signedManifest) throw unfit(remote, target, mediaType);
    return describeBytes(mediaType, bytes);
  });
}

/**
 * Whether something is a manifest of any kind: all of them are objects in JSON that say their schema's version or their
 * media type. Anything else comes from what stands before the registry.
 */
function isManifestOfSomeKind(bytes: Uint8Array): boolean {
  const json = jsonIn(Buffer.from(bytes).toString());
  return typeof json === "object" && json !== null && ("schemaVersion" in json || "mediaType" in json);
}

function noManifest(remote: Remote, target: Target, mediaType: string): RegistryError {
  const shown = JSON.stringify(mediaType.slice(0, 100));
  const message = phrase`the answer is no manifest of any kind, but ${shown}`;
  const hint = `it seems to be a page of what stands before the registry: look at it there, or ask whoever runs ${remote.client.endpoint.host}`;
  return failed(remote, target, "unexpected-response", message, hint);
}

/** Docker's schema 1 with signatures. */
const signedManifest = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/**
 * A manifest or index, hashed; `undefined` when the registry does not have it. One that was damaged on its way is asked
 * for again.
 */
export function fetchDocument(remote: Remote, target: Target): Promise<ImageDocument | undefined> {
  return mendingDamage(remote.client, "manifest-get", async () => {
    const served = await getManifest(remote, target);
    if (served === undefined) return undefined;
    const { mediaType, bytes } = served;
    if (isImageType(mediaType)) return hashed(remote, target, served);
    throw (isManifestOfSomeKind(bytes) ? unfit : noManifest)(remote, target, mediaType);
  });
}

interface ServedManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly stated: Digest | undefined;
}

async function getManifest(remote: Remote, target: Target): Promise<ServedManifest | undefined> {
  const request = manifestRequest(remote, "manifest-get", "GET", target);
  const answer = await remote.client.send(request, limits.manifestBytes);
  if (answer.status !== 200) return absence(remote, target, answer);
  const mediaType = bareMediaType(headerOf(answer, "content-type") ?? "");
  return { mediaType, bytes: answer.bytes, stated: statedDigest(answer) };
}

/** What was asked for counts; what the registry says it is serving counts only for a tag (CVE-2025-24882). */
function hashed(remote: Remote, target: Target, { mediaType, bytes, stated }: ServedManifest): ImageDocument {
  const wanted = isDigest(target) ? target : (stated ?? digestOf(bytes));
  if (!digestMatches(bytes, wanted)) throw damage(lied(remote, wanted, digestOf(bytes)));
  return { descriptor: { mediaType, digest: wanted, size: bytes.length }, bytes };
}

function unfit(remote: Remote, target: Target, mediaType: string): RegistryError {
  const isSchema1 = mediaType.startsWith("application/vnd.docker.distribution.manifest.v1+");
  const message = phrase`the registry serves it as ${JSON.stringify(mediaType.slice(0, 100))}, which is no image manifest`;
  const hint = isSchema1
    ? "images in Docker's schema 1 must be pushed again by a current tool"
    : `if it is an image, ask whoever runs ${remote.client.endpoint.host}, or what stands before it, why it is served as something else`;
  return failed(remote, target, "media-type-mismatch", message, hint);
}

function lied(remote: Remote, wanted: Digest, got: Digest): RegistryError {
  const hint = "do not trust this registry's copy; look at what stands between it and this machine";
  return failed(
    remote,
    wanted,
    "digest-mismatch",
    phrase`asked for ${wanted}, the registry gave ${got}`,
    hint,
  );
}

/** What registries say of a manifest that is not what was sent, among other things. */
const signsOfDamage: ReadonlySet<string> = new Set([
  "DIGEST_INVALID",
  "MANIFEST_INVALID",
  "MANIFEST_UNVERIFIED",
  "MANIFEST_BLOB_UNKNOWN",
  "BLOB_UNKNOWN",
]);

/** What registries say of a manifest that refers to what they lack. */
const unknown: ReadonlySet<string> = new Set(["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"]);
const unknownHint =
  "the registry lacks something that it has taken, or said that it has: ask whoever runs it to look at its storage";

/** The digests in what a registry says, in whatever field it names them. */
function digestsIn(body: Uint8Array): readonly Digest[] {
  const words = Buffer.from(body)
    .toString("latin1")
    .match(/sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})/g);
  return [...new Set(words?.filter(isDigest))];
}

const manyTags = new Ability();
/** Tags in one request; the distribution specification asks registries to take so many. */
const tagsAtOnce = 10;

/**
 * Puts a manifest or index under its digest and any number of tags; in as few requests as the registry takes: one for
 * each tag or, where it shows that it knows of `?tag=`, one for ten of them (distribution specification, "Pushing
 * Manifests").
 * @returns Whether the registry says that it keeps count of referrers (`OCI-Subject`).
 */
export async function putDocument(
  remote: Remote,
  document: ImageDocument,
  tags: readonly Tag[] = [],
): Promise<{ keepsReferrers: boolean }> {
  const { digest } = document.descriptor;
  if (!digestMatches(document.bytes, digest)) {
    const message = phrase`the manifest to put does not hash to ${digest}`;
    throw failed(remote, undefined, "digest-mismatch", message);
  }
  const left = new Set(tags);
  let answer: AnswerHead | undefined;
  while (left.size > 1) {
    const batch = [...left].slice(0, tagsAtOnce);
    answer = await manyTags.use(remote.client, async () => {
      const result = await putUnder(remote, document, digest, batch);
      const put = (headerOf(result, "oci-tag") ?? "").split(/[\s,]+/);
      for (const tag of batch) if (put.includes(tag)) left.delete(tag);
      return { result, able: put.some((tag) => tag !== "") };
    });
    if (answer === undefined || batch.some((tag) => left.has(tag))) break;
  }
  // Registries know a manifest that is put under a tag by the SHA-256 they make themselves.
  const isKnown = answer !== undefined || (left.size > 0 && algorithmOf(digest) === "sha256");
  if (!isKnown) answer = await putUnder(remote, document, digest);
  for (const tag of left) answer = await putUnder(remote, document, tag);
  return { keepsReferrers: answer !== undefined && headerOf(answer, "oci-subject") !== undefined };
}

/** Puts it again when something says that the registry received other bytes. */
function putUnder(
  remote: Remote,
  document: ImageDocument,
  target: Target,
  tags: readonly Tag[] = [],
): Promise<AnswerHead> {
  return mendingDamage(remote.client, "manifest-put", () => putOnce(remote, document, target, tags));
}

async function putOnce(
  remote: Remote,
  { descriptor, bytes }: ImageDocument,
  target: Target,
  tags: readonly Tag[],
): Promise<AnswerHead> {
  const where = whereIn(remote, target);
  const url = urlIn(remote, `manifests/${target}`);
  for (const tag of tags) url.searchParams.append("tag", tag);
  const headers = { "content-type": descriptor.mediaType, "content-length": `${bytes.length}` };
  const more = { target, headers, body: async () => bytes };
  const answer = await remote.client.send(writing(remote, "manifest-put", "PUT", url, more));
  const { status } = answer;
  if (status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status)) {
    const said = readServerErrors(answer.bytes, answer.secrets);
    const message = phrase`the registry refused the image manifest (${status})${saidBehind(said)}`;
    const refused = said?.codes.some((code) => unknown.has(code))
      ? new UnknownContentError(message, digestsIn(answer.bytes), {
          ...answerDetails(answer),
          ...{ where, hint: unknownHint },
        })
      : refusedManifest(remote, answer, message, where);
    throw said?.codes.some((code) => signsOfDamage.has(code)) ? damage(refused) : refused;
  }
  if (!isSuccess(answer)) throw await refusal(remote, answer, "putting an image manifest", target);
  const stated = statedDigest(answer);
  if (stated !== undefined && !digestMatches(bytes, stated))
    throw damage(lied(remote, descriptor.digest, stated));
  if (status !== 201) await expectKept(remote, descriptor.digest, target, status);
  return answer;
}

/** A success that is not the one due may come from what stands before the registry, and never have got there. */
async function expectKept(remote: Remote, digest: Digest, target: Target, status: number): Promise<void> {
  const kept = await identify(remote, target);
  if (kept?.digest === digest) return;
  const there = kept === undefined ? phraseOf("does not have it") : phrase`has ${kept.digest} there`;
  const message = phrase`the registry answered the image manifest with a success (${status}) and ${there}`;
  const hint = `ask whoever runs ${remote.client.endpoint.host}, or what stands before it, what becomes of a PUT`;
  throw damage(failed(remote, target, "unexpected-response", message, hint));
}

/** Deletes a manifest by digest or a tag; what is not there counts as deleted. */
export async function deleteTarget(remote: Remote, target: Target): Promise<void> {
  const more = { target, scopes: [deleteScope(remote.path)] };
  const answer = await remote.client.send(writing(remote, "delete", "DELETE", `manifests/${target}`, more));
  const { status } = answer;
  if (status === 404 || isSuccess(answer)) return;
  const said = readServerErrors(answer.bytes, answer.secrets);
  if (status === 405 || said?.codes.includes("UNSUPPORTED")) {
    const [what, hint] = isDigest(target)
      ? ["manifests", "ask whoever runs it to allow deleting"]
      : ["tags alone", "delete the manifest by its digest"];
    const message = `the registry does not delete ${what} (${status})`;
    throw failed(remote, target, "unsupported", message, hint, answer);
  }
  throw await refusal(remote, answer, "deleting", target);
}
