import * as z from "zod/mini";
import {
  type About,
  type Answer,
  answerDetails,
  endpointAt,
  type Fault,
  faultInWords,
  isLoopbackHost,
  isSuccess,
  type Kinds,
  type Network,
  openOrigin,
  type Passing,
  shownText,
  timingWithin,
  waitOf,
} from "../http/index.ts";
import { CloudError } from "./errors.ts";

/** A question to whoever gives tokens or keeps secrets. All of them may be asked twice. */
export interface CloudRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The value of `Authorization`. */
  readonly authorization?: string | undefined;
  readonly body?: string | undefined;
  /** Who is asked, for people: `Google's metadata server`. */
  readonly who: string;
  /** What of the request no message may show, beside `Authorization`. */
  readonly secrets?: readonly string[];
}

/** Asks, and gives what was answered, whatever its status. Redirects are not followed. @throws {CloudError} `identity-unreachable`. */
export type CloudWire = (request: CloudRequest) => Promise<Answer>;

type Asked = "ask";
const kinds: Kinds<Asked> = { ask: { operation: "ask" } };

/** Where machines and containers are told who they are, and nothing else is ever asked without TLS. */
const localServers: ReadonlySet<string> = new Set([
  ...["169.254.169.254", "169.254.170.2", "169.254.170.23", "metadata.google.internal"],
  ...["[fd00:ec2::254]", "[fd00:ec2::23]", "[fd20:ce::254]"],
]);
const milliseconds = { local: 5_000, elsewhere: 30_000 };
const retries = { local: 1, elsewhere: 3 };
const maxAnswerBytes = 256 * 1024;

/** Whether it is on this machine, or the part of its cloud that answers only to it. */
export function isLocalServer({ hostname }: URL): boolean {
  return localServers.has(hostname) || isLoopbackHost(hostname);
}

/**
 * An address that may be told a secret: HTTPS, or a server of this machine's.
 * @param said What names it, for messages.
 * @throws {CloudError} `identity-invalid`.
 */
export function safeUrl(text: string, said: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLocalServer(url));
  if (url !== undefined && isSafe && url.username === "" && url.password === "") return url;
  throw new CloudError("identity-invalid", `${said} is no address that may be told a secret`, {
    where: said,
    hint: "it has to begin with https://, or be a server of this machine's",
  });
}

/** The way to those who give tokens: to servers of this machine's by no proxy. Nothing stays open between two requests. */
export function openCloudWire(network: Network): CloudWire {
  return async ({ method, url, headers, authorization, body, who, secrets = [] }) => {
    const place = isLocalServer(url) ? "local" : "elsewhere";
    const origin = openOrigin<Asked>({
      ...network,
      ...(place === "local" && { environment: {} }),
      ...{ endpoint: endpointAt(url), kinds, limit: 1, retries: retries[place], maxRedirects: 0 },
      isExpected: true,
      timing: { ...timingWithin(milliseconds[place]), firstBackoff: 200, deadline: 2 * milliseconds[place] },
      explain: silence,
      authorize: (_, send) => send(authorization),
      judge: passingIn,
    });
    try {
      const answer = await origin.send(
        {
          ...{ kind: "ask", method, url, headers, where: who },
          body: body === undefined ? undefined : async () => body,
        },
        maxAnswerBytes,
      );
      return { ...answer, secrets: [...answer.secrets, ...secrets] };
    } finally {
      await origin.close();
    }
  };
}

function passingIn(answer: Answer): Passing | undefined {
  const { status } = answer;
  if (status !== 429 && status < 500) return undefined;
  const [reason, fault] = [`status ${status}`, "identity-unreachable"];
  return { reason, fault, retryAfter: waitOf(answer), isNotYet: false };
}

function silence(fault: Fault, { host, where }: About): CloudError {
  return new CloudError(
    "identity-unreachable",
    `${where} gave no answer: ${shownText(faultInWords(fault), [])}`,
    {
      where: host,
      hint: "is this the machine, the cluster or the job that the settings speak of?",
      cause: fault.cause,
    },
  );
}

/**
 * What a successful answer says, by a schema.
 * @param hint What to do when it was refused.
 * @throws {CloudError} `identity-refused`, `identity-unreachable` for what is no such answer.
 */
export function readAnswer<Schema extends z.ZodMiniType>(
  answer: Answer,
  schema: Schema,
  who: string,
  hint?: string,
): z.output<Schema> {
  if (!isSuccess(answer)) throw refusalOf(answer, who, hint);
  const found = schema.safeParse(jsonOf(answer.bytes));
  if (found.success) return found.data;
  // Without a cause, which would quote what may be the secret.
  throw new CloudError("identity-unreachable", `${who} answered something else than it should`, {
    where: answer.from.host,
    ...answerDetails(answer),
  });
}

/** What an answer is thrown as that is no success. */
export function refusalOf(answer: Answer, who: string, hint?: string): CloudError {
  const isRefusal = answer.status < 500 && answer.status !== 429;
  const said = shownText(reasonIn(answer.bytes), answer.secrets);
  return new CloudError(
    isRefusal ? "identity-refused" : "identity-unreachable",
    `${who} answers ${answer.status}${said === "" ? "" : `: ${said}`}`,
    { where: answer.from.host, hint, ...answerDetails(answer) },
  );
}

const reasons = z.looseObject({
  error: z.optional(z.union([z.string(), z.looseObject({ message: z.optional(z.string()) })])),
  error_description: z.optional(z.string()),
  message: z.optional(z.string()),
  Message: z.optional(z.string()),
  errors: z.optional(z.array(z.union([z.string(), z.looseObject({ message: z.optional(z.string()) })]))),
});

/** What they say of it, in the forms that OAuth, Google, Amazon, Microsoft and Vault have for it. */
function reasonIn(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("utf8").slice(0, 4_096);
  const [, xml] = /<Message>([^<]*)<\/Message>/.exec(text) ?? [];
  const found = reasons.safeParse(jsonOf(bytes));
  if (!found.success) return xml ?? "";
  const { error, error_description: description, message, Message: said, errors = [] } = found.data;
  const parts = [error, ...errors].map((part) => (typeof part === "object" ? part.message : part));
  return [...parts, description, message, said]
    .filter((part) => part !== undefined && part !== "")
    .join(": ");
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** A body as forms have it. */
export function formOf(fields: Readonly<Record<string, string | undefined>>) {
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  return {
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: new URLSearchParams(given).toString(),
  };
}
