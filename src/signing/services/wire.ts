import type * as z from "zod/mini";
import {
  type About,
  type Answer,
  answerDetails,
  endpointAt,
  type Fault,
  faultInWords,
  isSuccess,
  isTransientStatus,
  type Kinds,
  type Origin,
  openOrigin,
  type Passing,
  shownText,
  timingWithin,
  waitOf,
} from "../../http/index.ts";
import { jsonIn } from "../../oci/index.ts";
import { SigningError } from "../errors.ts";
import type { SigningServices } from "../model.ts";

/** A question to an authority or a log. All of them may be asked twice. */
export interface ServiceRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly body?: Uint8Array | string | undefined;
  readonly contentType?: string;
  readonly accept?: string;
  /** Who is asked, for people: `the log`. */
  readonly who: string;
  /** What of the request no message may show. */
  readonly secrets?: readonly string[];
}

/** Asks, and gives what was answered, whatever its status. @throws {SigningError} `signing-unreachable`. */
export type ServiceWire = (request: ServiceRequest) => Promise<Answer>;

type Asked = "ask";
const kinds: Kinds<Asked> = { ask: { operation: "ask" } };

const answerMilliseconds = 30_000;
const maxAnswerBytes = 1024 * 1024;
/** Requests at a time to one of them; less as soon as it says so. */
const limit = 16;
const retries = 5;

/**
 * The way to authorities and logs: one policy an origin, shared by all who sign meanwhile. A service that answers 429 is waited for,
 * as it asks for it; nobody but those who sign there waits. Its connections are closed when nobody waits for an answer any more, so
 * that a signer has no end that could be forgotten.
 */
export function openServiceWire({
  network,
  signal,
  listener,
}: Pick<SigningServices, "network" | "signal" | "listener">): ServiceWire {
  const opened = new Map<string, { readonly origin: Origin<Asked>; users: number }>();
  const open = (url: URL) => {
    const known = opened.get(url.origin);
    if (known !== undefined) return known;
    const origin = openOrigin<Asked>({
      ...network,
      ...{ endpoint: endpointAt(url), kinds, limit, retries, maxRedirects: 0, signal, isExpected: true },
      timing: timingWithin(answerMilliseconds),
      explain: explained,
      authorize: (_, send) => send(undefined),
      judge: passingIn,
      listener: (event) => {
        if (event.type !== "retry") return;
        const { waitMilliseconds: milliseconds, reason } = event;
        listener?.({ type: "waiting", host: url.host, milliseconds, reason });
      },
    });
    const entry = { origin, users: 0 };
    opened.set(url.origin, entry);
    return entry;
  };
  return async ({ method, url, body, contentType, accept = "application/json", who, secrets = [] }) => {
    const entry = open(url);
    entry.users += 1;
    try {
      const headers = { accept, ...(contentType !== undefined && { "content-type": contentType }) };
      const answer = await entry.origin.send(
        {
          kind: "ask",
          method,
          url,
          headers,
          where: who,
          body: body === undefined ? undefined : async () => body,
        },
        maxAnswerBytes,
      );
      return { ...answer, secrets: [...answer.secrets, ...secrets] };
    } finally {
      entry.users -= 1;
      if (entry.users === 0) {
        opened.delete(url.origin);
        await entry.origin.close();
      }
    }
  };
}

function passingIn(answer: Answer): Passing | undefined {
  const { status } = answer;
  if (!isTransientStatus(status)) return undefined;
  const isNotYet = status === 429;
  const reason = isNotYet ? "it wants to be asked less often" : `status ${status}`;
  return { reason, fault: "signing-unreachable", retryAfter: waitOf(answer), isNotYet };
}

function explained(fault: Fault, { host, where }: About): SigningError {
  return new SigningError(
    "signing-unreachable",
    `${where} gave no answer: ${shownText(faultInWords(fault), [])}`,
    {
      where: host,
      hint: "nothing was attached; run it again, which goes on where it was",
      cause: fault.cause,
    },
  );
}

/**
 * What a successful answer says in JSON, by a schema.
 * @throws {SigningError} `signing-refused`, or `signing-unreachable` for what is no such answer.
 */
export function readServiceAnswer<Schema extends z.ZodMiniType>(
  answer: Answer,
  schema: Schema,
  who: string,
  hint?: string,
): z.output<Schema> {
  if (!isSuccess(answer)) throw refusalOf(answer, who, hint);
  const found = schema.safeParse(jsonIn(Buffer.from(answer.bytes).toString("utf8")));
  if (found.success) return found.data;
  throw strangeAnswer(answer, who, "something else than it should");
}

/** What an answer is thrown as that is no success. */
export function refusalOf(answer: Answer, who: string, hint?: string): SigningError {
  const code = answer.status < 500 && answer.status !== 429 ? "signing-refused" : "signing-unreachable";
  const said = shownText(Buffer.from(answer.bytes).toString("utf8").slice(0, 4_096), answer.secrets);
  return new SigningError(code, `${who} answers ${answer.status}${said === "" ? "" : `: ${said}`}`, {
    where: answer.from.host,
    hint,
    ...answerDetails(answer),
  });
}

/** What an answer is thrown as that claims what was not asked for. */
export function strangeAnswer(answer: Answer, who: string, what: string): SigningError {
  return new SigningError("signing-unreachable", `${who} answered ${what}`, {
    where: answer.from.host,
    ...answerDetails(answer),
  });
}
