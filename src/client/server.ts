import * as z from "zod/mini";
import { harmless } from "../errors/index.ts";
import {
  type Answer,
  endpointAt,
  type Fault,
  headerOf,
  isLoopbackHost,
  isSuccess,
  type Kinds,
  type Network,
  openOrigin,
  type StreamedAnswer,
  timingWithin,
  waitOf,
} from "../http/index.ts";
import { english, jsonIn } from "../oci/index.ts";
import { ClientError, type ClientErrorCode } from "./errors.ts";

/** What a server is asked with. */
export interface ServerOptions {
  /** `https://waybill.example.org`; plain HTTP to this machine alone. */
  readonly url: string;
  /** Sent to the server's own origin and nowhere else. */
  readonly token?: string | undefined;
  readonly network: Network;
  readonly signal?: AbortSignal | undefined;
}

/** A server of Waybill's, asked by its API. Methods throw {@link ClientError}. */
export interface Server {
  /** Its address, as people know it. */
  readonly url: string;
  /** @param path Below `/api/v1`, with a query. */
  get<T>(path: string, schema: z.ZodMiniType<T>): Promise<T>;
  post<T>(path: string, body: object, schema: z.ZodMiniType<T>): Promise<T>;
  /** The bytes of an answer, as they come. */
  stream(path: string, headers?: Readonly<Record<string, string>>): Promise<AsyncIterable<Uint8Array>>;
  /** Asks once for something that takes its time to be made, and gives its bytes as they come, with what is said of them. */
  make(path: string): Promise<Made>;
  close(): Promise<void>;
}

/** What a server has made. */
export interface Made {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** The number that a header says; `undefined` where it says none. */
  numberOf(header: string): number | undefined;
}

type Asked = "read" | "write";
const kinds: Kinds<Asked> = {
  read: { operation: "read" },
  write: { operation: "write", isOnce: true },
};

const milliseconds = 30_000;
/** For what has to be made first. */
const makingMilliseconds = 15 * 60_000;
const maxAnswerBytes = 16 * 1024 * 1024;

/** Opens the way to a server; nothing is asked yet. @throws {ClientError} `server-unknown`, `token-unusable`. */
export function openServer({ url, token, network, signal }: ServerOptions): Server {
  const address = addressOf(url);
  if (token !== undefined && !/^[\x21-\x7e]{1,500}$/.test(token)) {
    throw new ClientError("token-unusable", "the token is empty, or holds characters that no token has", {
      hint: "copy it again from where it was made",
    });
  }
  const origin = openOrigin<Asked>({
    ...network,
    ...{ endpoint: endpointAt(address), kinds, limit: 8, retries: 3, maxRedirects: 0, signal },
    // A stream on which nothing happens says so every 15 seconds, in a few bytes.
    timing: { ...timingWithin(milliseconds), minRate: 0.1 },
    isExpected: true,
    explain: (fault) => unreachable(address, fault),
    authorize: (_, send) => send(token === undefined ? undefined : `Bearer ${token}`),
    judge: (answer, kind) =>
      answer.status === 503 && kind === "read"
        ? { reason: "it is busy", fault: "busy", isNotYet: false, retryAfter: waitOf(answer) }
        : undefined,
  });
  const at = (path: string): URL => new URL(`/api/v1${path}`, address);
  const common = { where: address.host };

  return {
    url: address.origin,
    async get(path, schema) {
      const headers = { accept: "application/json" };
      const request = { ...common, kind: "read", method: "GET", url: at(path), headers } as const;
      return read(await origin.send(request, maxAnswerBytes), schema, address);
    },
    async post(path, body, schema) {
      const text = JSON.stringify(body);
      const answer = await origin.send(
        {
          ...{ ...common, kind: "write", method: "POST", url: at(path), body: async () => text },
          headers: { accept: "application/json", "content-type": "application/json" },
        },
        maxAnswerBytes,
      );
      return read(answer, schema, address);
    },
    async stream(path, headers = {}) {
      const request = { ...common, kind: "read", method: "GET", url: at(path), headers } as const;
      const answer: Answer | StreamedAnswer = await origin.open(request);
      if ("body" in answer) return answer.body;
      if (isSuccess(answer) || answer.status === 416) return empty();
      throw failureOf(answer, address);
    },
    async make(path) {
      const request = { ...common, kind: "write", method: "POST", url: at(path) } as const;
      const answer = await origin.open({ ...request, answerWithin: makingMilliseconds });
      if (!("body" in answer)) throw failureOf(answer, address);
      return {
        bytes: answer.body,
        numberOf(header) {
          const text = headerOf(answer, header);
          return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
        },
      };
    },
    close: () => origin.close(),
  };
}

async function* empty(): AsyncIterable<Uint8Array> {
  // There is nothing there yet.
}

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
  if (url !== undefined && isSafe && url.username === "" && url.password === "" && url.pathname === "/") {
    return url;
  }
  throw new ClientError(
    "server-unknown",
    `${JSON.stringify(harmless(text.slice(0, 200)))} is no address of a server`,
    {
      hint: "name it as https://waybill.example.org; the token is in $WAYBILL_TOKEN",
    },
  );
}

function read<T>(answer: Answer, schema: z.ZodMiniType<T>, address: URL): T {
  if (!isSuccess(answer)) throw failureOf(answer, address);
  const parsed = schema.safeParse(jsonIn(new TextDecoder().decode(answer.bytes)), english);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join(".") || "the answer";
  throw new ClientError(
    "not-a-server",
    `${address.host} answers otherwise than a server: ${place}: ${issue?.message}`,
    {
      where: address.host,
      hint: "is it the address of a server of Waybill's, and of a version like this one?",
    },
  );
}

const problemSchema = z.object({
  title: z.string(),
  code: z.string(),
  detail: z.optional(z.string()),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
});

/** What a server said of why it did not do it, in its words. */
function failureOf(answer: Answer, address: URL): ClientError {
  const { status } = answer;
  const where = address.host;
  const parsed = problemSchema.safeParse(jsonIn(new TextDecoder().decode(answer.bytes)));
  if (!parsed.success) {
    return new ClientError(
      "not-a-server",
      `${where} answers with ${status}, and not as a server of Waybill's`,
      {
        ...{ where, status },
        hint: "is there something else at that address, or in front of it?",
      },
    );
  }
  const { title, detail, errors = [] } = parsed.data;
  const more = errors.map(({ path, message }) => `${path}: ${message}`).join("; ");
  const message = harmless([title, more].filter((part) => part !== "").join(": ")).slice(0, 2_000);
  const hint = detail === undefined ? undefined : harmless(detail).slice(0, 500);
  return new ClientError(codeOf(status), message, { where, status, hint: hintFor(status) ?? hint });
}

function codeOf(status: number): ClientErrorCode {
  if (status === 401) return "not-logged-in";
  if (status === 403) return "forbidden";
  if (status === 404) return "not-there";
  return status >= 500 ? "server-failed" : "refused";
}

function hintFor(status: number): string | undefined {
  return status === 401
    ? "give it a token in $WAYBILL_TOKEN, or name its file in $WAYBILL_TOKEN_FILE"
    : undefined;
}

function unreachable({ host }: URL, { reason, code }: Fault): ClientError {
  const why = [code, reason].filter((part) => part !== "").join(": ");
  return new ClientError("server-unreachable", `${host} cannot be reached: ${why}`, {
    where: host,
    hint: "is it running, and is there a way to it from here?",
  });
}
