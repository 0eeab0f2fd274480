import { phrase } from "../../errors/index.ts";
import { type Answer, headerOf, isSuccess } from "../../http/index.ts";
import { algorithmOf, type Descriptor } from "../../oci/index.ts";
import { pullScope, pushScope } from "../host/authorizer.ts";
import type { BlobContent, PushOutcome } from "../repository.ts";
import { refusal, statedDigest } from "./answer.ts";
import { givesBlob } from "./blob-presence.ts";
import { failed, type Remote, urlIn, writing } from "./remote.ts";
import { openUpload, type Sending } from "./upload-attempts.ts";
import { type RemoteUploadSession, uploadSession } from "./upload-session.ts";

/**
 * Brings a blob in, by mount where `mountFrom` (a path on the same host) is given, otherwise by an upload in as few
 * requests as the registry takes. The mount is its own probe: a registry that cannot mount begins an upload instead,
 * in the same answer. An upload that breaks goes on where the registry says that it is, or begins again.
 */
export async function uploadBlob(
  remote: Remote,
  blob: Descriptor,
  content: BlobContent,
  { mountFrom, ...how }: { readonly mountFrom: string | undefined } & Pick<Sending, "inMemory" | "anew">,
): Promise<PushOutcome> {
  const begun = mountFrom === undefined ? undefined : await mountBlob(remote, blob, mountFrom);
  if (begun === "mounted") return "mounted";
  const upload = openUpload({ remote, blob, content, ...how }, begun);
  let answer: Answer;
  try {
    answer = await remote.client.upload(upload.attempt);
  } catch (error) {
    await upload.cancel(remote.client.send);
    throw error;
  }
  if (!isSuccess(answer)) {
    await upload.cancel(remote.client.send);
    throw await refusal(remote, answer, "uploading a blob", blob.digest);
  }
  const stated = statedDigest(answer);
  if (stated !== undefined && stated !== blob.digest && stated.slice(0, 7) === blob.digest.slice(0, 7)) {
    const message = phrase`sent ${blob.digest}, the registry says it has ${stated}`;
    throw failed(remote, undefined, "digest-mismatch", message);
  }
  return "pushed";
}

/**
 * Mounts a blob from another repository of the host (distribution specification, "Mounting a blob from another
 * repository").
 * A mount only saves bytes: whatever else comes of it, the blob is uploaded.
 * @returns The session of an upload that the registry began instead, or `undefined` when it did neither.
 */
async function mountBlob(
  remote: Remote,
  blob: Descriptor,
  from: string,
): Promise<RemoteUploadSession | "mounted" | undefined> {
  if (!remote.client.quirks.mounts) return undefined;
  const url = urlIn(remote, "blobs/uploads/");
  url.searchParams.set("mount", blob.digest);
  url.searchParams.set("from", from);
  const scopes = [pushScope(remote.path), ...(from === remote.path ? [] : [pullScope(from)])];
  const more = { target: blob.digest, scopes, headers: { "content-length": "0" } };
  const request = writing(remote, "mount", "POST", url, more);
  const answer = await remote.client.overlook("mount", remote.client.send(request));
  if (answer?.status === 201) return (await isReadable(remote, blob)) ? "mounted" : undefined;
  if (answer?.status !== 202 || headerOf(answer, "location") === undefined) return undefined;
  const session = async () => uploadSession(remote, answer);
  return remote.client.overlook("mount", session());
}

/**
 * Whether a blob can be read that was mounted. Registries of the Distribution project (2.8 and 3) mount one with a
 * SHA-512 under the name that they give it themselves, and do not find it afterwards.
 */
async function isReadable(remote: Remote, blob: Descriptor): Promise<boolean> {
  if (algorithmOf(blob.digest) === "sha256") return true;
  return (await remote.client.overlook("blob-get", givesBlob(remote, blob))) === true;
}
