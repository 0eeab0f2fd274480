import {
  endpointAt,
  isSuccess,
  type Kinds,
  type Network,
  openOrigin,
  timingWithin,
  waitOf,
} from "../../http/index.ts";
import { NotificationError } from "../errors.ts";
import type { Sent } from "../outbox.ts";

/** A message and where it goes. */
export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly allowPrivateAddresses: boolean;
  /** Statuses by which this kind of receiver says that it is gone for good. */
  readonly gone: readonly number[];
}

const kinds: Kinds<"write"> = { write: { operation: "write", isOnce: true } };
const milliseconds = 20_000;
const maxAnswerBytes = 64 * 1024;

/**
 * Posts a message, once, to that very address: redirects are not followed, and where it is not said otherwise no address is connected
 * to that only we reach. Never throws: what went wrong is the answer, without the address, which may be a secret.
 */
export async function post(
  network: Network,
  { url, headers, body, gone, allowPrivateAddresses }: Post,
): Promise<Sent> {
  const origin = openOrigin<"write">({
    ...network,
    endpoint: endpointAt(url, { publicOnly: !allowPrivateAddresses }),
    ...{ kinds, limit: 1, retries: 0, maxRedirects: 0, isExpected: true },
    timing: { ...timingWithin(milliseconds), deadline: milliseconds },
    explain: ({ code, kind, reason }) =>
      new NotificationError("unreachable", `${url.host} cannot be reached: ${code ?? kind}`, {
        where: url.host,
        cause: new Error(reason),
      }),
    authorize: (_, send) => send(undefined),
    judge: () => undefined,
  });
  try {
    const answer = await origin.send(
      { kind: "write", method: "POST", url, where: url.host, headers, body: async () => body },
      maxAnswerBytes,
    );
    const { status } = answer;
    const failure = `${url.host} answers with ${status}`;
    if (isSuccess(answer)) return { state: "sent" };
    if (gone.includes(status)) return { state: "gone", failure };
    const after = waitOf(answer);
    const mayPass = status === 408 || status === 429 || status >= 500;
    return mayPass ? { state: "again", failure, after } : { state: "failed", failure };
  } catch (error) {
    const known = error instanceof NotificationError ? error.message : `${url.host} cannot be reached`;
    return { state: "again", failure: known };
  } finally {
    await origin.close();
  }
}
