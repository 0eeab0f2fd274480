import type { Readable } from "node:stream";
import type { Descriptor } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { type AnswerHead, headerOf, type SendOnce } from "../host/host-client.ts";
import { refusal } from "./answer.ts";
import { type Remote, reading, urlIn } from "./remote.ts";
import { verifiedStream } from "./verified-stream.ts";

/** A blob as a stream that fails before its end when it is not what the descriptor says. */
export async function openBlob(remote: Remote, blob: Descriptor): Promise<Readable> {
  const { digest } = blob;
  const where = `${remote.name}@${digest}`;
  const url = urlIn(remote, `blobs/${digest}`);
  const request = { kind: "blob-get", method: "GET", url, follow: true, target: digest } as const;
  const answer = await remote.client.open(reading(remote, request));
  if ("body" in answer) {
    const fault = sizeFault(answer, blob, where);
    if (fault === undefined) {
      return verifiedStream(answer.body, blob, { where: remote.name, idle: remote.client.timing.idle });
    }
    answer.body.destroy();
    throw fault;
  }
  if (answer.status === 404) {
    throw new RegistryError("blob-missing", `the registry does not have the blob ${digest}`, { where });
  }
  throw await refusal(remote, answer, "reading a blob", digest);
}

/** Whether a blob is there, by `HEAD`. */
export async function hasBlob(
  remote: Remote,
  blob: Descriptor,
  send: SendOnce = remote.client.send,
): Promise<boolean> {
  const { digest } = blob;
  const url = urlIn(remote, `blobs/${digest}`);
  const request = { kind: "blob-head", method: "HEAD", url, follow: true, target: digest } as const;
  const answer = await send(reading(remote, request));
  if (answer.status === 404) return false;
  if (answer.status !== 200) throw await refusal(remote, answer, "asking for a blob", digest);
  const fault = sizeFault(answer, blob, `${remote.name}@${digest}`);
  if (fault !== undefined) throw fault;
  return true;
}

function sizeFault(answer: AnswerHead, blob: Descriptor, where: string): RegistryError | undefined {
  const length = headerOf(answer, "content-length");
  if (length === undefined || Number(length) === blob.size) return undefined;
  const message = `the registry's blob has ${length} bytes, its descriptor says ${blob.size}`;
  return new RegistryError("size-mismatch", message, { where });
}
