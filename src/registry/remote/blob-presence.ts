import { phrase } from "../../errors/index.ts";
import {
  type Answer,
  headerOf,
  readBeginning,
  type StreamedAnswer,
  TransientFailure,
} from "../../http/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { connectionFailure } from "../host/explain.ts";
import type { HostClient, HostSendOnce } from "../host/host-client.ts";
import type { BlobProbe } from "../repository.ts";
import { refusal } from "./answer.ts";
import { blobRequest, isForeign, lengthOf, pageFault, sizeMismatch } from "./blobs.ts";
import type { Remote } from "./remote.ts";

/** How a host answers who asks for a blob, as far as that has been seen. */
interface Habit {
  /** It sends us elsewhere for the bytes, or who only asks whether there are any. */
  redirectsGet?: boolean;
  redirectsHead?: boolean;
  /** It, or the storage that it sends us to, does not answer `HEAD`. */
  refusesHead?: boolean;
}

const habits = new WeakMap<HostClient, Habit>();

function habitOf({ client }: Remote): Habit {
  const habit = habits.get(client) ?? {};
  habits.set(client, habit);
  return habit;
}

/**
 * Whether a blob is there, by `HEAD`. Where the registry, or the storage that it sends us to, does not answer that, by
 * `GET` of a single byte: an address that is signed for one method refuses the other.
 */
export async function hasBlob(
  remote: Remote,
  blob: Descriptor,
  send: HostSendOnce = remote.client.send,
): Promise<boolean> {
  const habit = habitOf(remote);
  if (!habit.refusesHead) {
    const present = await askHead(remote, blob, send);
    if (present !== undefined) return present;
  }
  const isGiven = await givesBlob(remote, blob);
  habit.refusesHead = true;
  return isGiven;
}

/** Whether a blob is given away, by `GET` of its first byte; where parts are refused, by the beginning of all of it. */
export async function givesBlob(remote: Remote, blob: Descriptor): Promise<boolean> {
  const part = blob.size === 0 ? {} : { range: "bytes=0-0" };
  const given = await readFirstByte(remote, blob, part);
  const whole = typeof given === "boolean" || blob.size === 0 ? given : await readFirstByte(remote, blob, {});
  if (typeof whole === "boolean") return whole;
  throw await refusal(remote, whole, "asking for a blob", blob.digest);
}

/**
 * Whether a blob can be had, by its first byte (RFC 9110, section 14): a registry that remembers what its storage has lost
 * answers `HEAD` as if it were there. Where the bytes are elsewhere and `HEAD` is answered at once, so that this would
 * take one request more, `HEAD` is believed.
 */
export async function probeBlob(remote: Remote, blob: Descriptor): Promise<BlobProbe> {
  const habit = habitOf(remote);
  if (habit.redirectsGet && !habit.redirectsHead && !habit.refusesHead) {
    const present = await askHead(remote, blob, remote.client.send);
    if (present !== undefined) return present ? "said" : "absent";
    habit.refusesHead = true;
  }
  if (await givesBlob(remote, blob)) return "read";
  return (await hasBlob(remote, blob)) ? "withheld" : "absent";
}

/** The answer to `HEAD`, or `undefined` when it is the method that is refused, or not answered as `GET` would be. */
async function askHead(remote: Remote, blob: Descriptor, send: HostSendOnce): Promise<boolean | undefined> {
  const { digest } = blob;
  const request = blobRequest(remote, "blob-head", "HEAD", digest);
  const answer = await send(request);
  const habit = habitOf(remote);
  habit.redirectsHead ||= answer.from.href !== request.url.href;
  if (answer.status === 404) return false;
  if (refusesHead(remote, answer)) return undefined;
  if (answer.status !== 200) throw await refusal(remote, answer, "asking for a blob", digest);
  // What has another size, or only says so, shows it by what it gives.
  return (lengthOf(answer) ?? blob.size) === blob.size ? true : undefined;
}

/** Whether it is the method that is refused: a storage has been given leave by the registry, which has looked for it. */
function refusesHead({ client }: Remote, { status, from }: Answer): boolean {
  const isStorage = from.origin !== client.endpoint.origin.origin;
  // What stands before a registry may refuse the method with 403, and where it is the registry, GET has its reason.
  return [400, 403, 405, 501].includes(status) || (isStorage && status === 401);
}

/** Whether the first byte is given, or the answer of one who does not understand the question. */
async function readFirstByte(
  remote: Remote,
  blob: Descriptor,
  headers: Readonly<Record<string, string>>,
): Promise<boolean | Answer> {
  const { digest } = blob;
  const request = blobRequest(remote, "blob-get", "GET", digest, headers);
  const { where } = request;
  const answer = await remote.client.open(request);
  const habit = habitOf(remote);
  habit.redirectsGet ||= answer.from.href !== request.url.href;
  if ("body" in answer) {
    await takeByte(blob, answer, where);
    return true;
  }
  const { status } = answer;
  if (status === 404 && !isForeign(remote, answer)) return false;
  if (status === 416) expectSize(blob, wholeSize(answer), where);
  if ([400, 405, 416, 501].includes(status)) return answer;
  throw await refusal(remote, answer, "asking for a blob", digest);
}

/** Of a registry that sends more than it was asked for, so much is read before it is given up. */
const maxReadBytes = 16 * 1024;

/** Reads what was asked for, once what the answer says of the whole is right. */
async function takeByte(blob: Descriptor, answer: StreamedAnswer, where: string): Promise<void> {
  const { body, status, from } = answer;
  try {
    const fault = pageFault(answer, blob, where);
    if (fault !== undefined) throw fault;
    expectSize(blob, status === 206 ? wholeSize(answer) : lengthOf(answer), where);
    const { length } = await readBeginning(body, maxReadBytes);
    if (length >= (status === 206 ? Math.min(1, blob.size) : Math.min(maxReadBytes, blob.size))) return;
    throw new RegistryError(
      "truncated",
      phrase`the registry gives ${length} of the blob's ${blob.size} bytes`,
      {
        where,
        hint: `ask whoever runs ${from.host} to look at its storage, or at what stands before it`,
      },
    );
  } catch (thrown) {
    body.destroy();
    const failure = connectionFailure(thrown, { where, host: from.host });
    throw failure instanceof TransientFailure ? failure.error : failure;
  }
}

function wholeSize(answer: Pick<Answer, "headers">): number | undefined {
  const [, whole] = /^bytes [^/]*\/(\d{1,15})$/.exec(headerOf(answer, "content-range") ?? "") ?? [];
  return whole === undefined ? undefined : Number(whole);
}

function expectSize(blob: Descriptor, held: number | undefined, where: string): void {
  if (held !== undefined && held !== blob.size) throw sizeMismatch(blob, held, where);
}
