import { type Answer, headerOf } from "../../http/index.ts";
import { type Descriptor, isDigest } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import type { BlobContent, PushOutcome } from "../repository.ts";
import { refusal } from "./answer.ts";
import { mountBlob } from "./mount.ts";
import type { Remote } from "./remote.ts";
import { type Sending, Upload } from "./upload-attempts.ts";

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
  const upload = new Upload({ remote, blob, content, ...how }, begun);
  let answer: Answer;
  try {
    answer = await remote.client.upload((send, attempt) => upload.attempt(send, attempt));
  } catch (error) {
    await upload.cancel(remote.client.send);
    throw error;
  }
  if (answer.status < 200 || answer.status > 299) {
    await upload.cancel(remote.client.send);
    throw await refusal(remote, answer, "uploading a blob", blob.digest);
  }
  const stated = headerOf(answer, "docker-content-digest") ?? "";
  if (isDigest(stated) && stated !== blob.digest && stated.slice(0, 7) === blob.digest.slice(0, 7)) {
    throw new RegistryError("digest-mismatch", `sent ${blob.digest}, the registry says it has ${stated}`, {
      where: remote.name,
    });
  }
  return "pushed";
}
