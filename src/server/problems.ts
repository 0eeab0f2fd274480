import { z } from "@hono/zod-openapi";
import { isWaybillError } from "../errors/index.ts";
import type { Asking } from "./context.ts";

/** Failures as RFC 9457 has them. */
export const problemSchema = z
  .object({
    type: z.string().openapi({ example: "urn:waybill:problem:unknown-run" }),
    title: z.string().openapi({ description: "What went wrong, and why." }),
    status: z.int(),
    code: z.string().openapi({ description: "Stable, for programs." }),
    detail: z.string().optional().openapi({ description: "What to do next." }),
    instance: z.string().openapi({ description: "The request, by which it is found in the server's log." }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: "What of the request is not as the schema has it." }),
  })
  .openapi("Problem");

/** A failure as the API answers it. */
export type ApiProblem = z.infer<typeof problemSchema>;

type ProblemStatus = 400 | 401 | 403 | 404 | 408 | 409 | 413 | 415 | 422 | 429 | 500 | 503 | 507;
type Statuses = Readonly<Record<string, ProblemStatus>>;

/**
 * The statuses of failures that are those of the one who asks, or that pass, by the kind of error: a code alone may mean that somebody
 * forbids something to the server. All else is the server's own failure.
 */
const statuses: Readonly<Record<string, Statuses>> = {
  AccessError: {
    "credential-invalid": 401,
    "machine-refused": 401,
    forbidden: 403,
    "login-refused": 403,
    "provider-unknown": 404,
    "token-unknown": 404,
    "public-url-unsafe": 409,
    "token-request-invalid": 422,
    "login-unavailable": 503,
    "membership-unread": 503,
  },
  QueueError: { "unknown-run": 404, "not-held": 409, "not-waiting": 409, ended: 409, "invalid-run": 422 },
  RunError: { "unknown-run": 404 },
  TriggerError: { "unknown-ref": 422, "not-startable": 409 },
  NotificationError: { "no-secret": 422, "no-receiver": 422 },
  ServerError: {
    "unknown-job": 404,
    "unknown-session": 404,
    "jobs-unknown": 503,
    "unknown-archive": 404,
    "unknown-artifact": 404,
    "unknown-remote": 404,
    "unknown-delivery": 404,
    "no-matrix": 404,
    "unknown-mirror": 404,
    "unknown-row": 404,
    "unknown-pull": 404,
    "unknown-image": 404,
  },
  ChatopsError: {
    refused: 403,
    "login-unknown": 403,
    "not-reviewed": 409,
    outdated: 409,
    unclear: 422,
    busy: 503,
  },
  ForgeError: {
    "rate-limited": 503,
    unreachable: 503,
    "unexpected-answer": 503,
    "token-refused": 503,
    "token-missing": 503,
    "not-found": 404,
  },
  GitError: { unreachable: 503 },
  WorkError: { "no-forge": 409 },
  DatabaseError: { unreachable: 503, contended: 503, locked: 503, closed: 503, full: 507 },
  ObjectError: {
    "object-credentials-missing": 503,
    "object-forbidden": 503,
    "bucket-missing": 503,
    "objects-unreachable": 503,
    "objects-unreadable": 503,
  },
};

/** Failures in the server's own words. */
const ownStatuses = {
  "invalid-request": 400,
  "cross-site": 403,
  "not-found": 404,
  "too-slow": 408,
  "not-json": 415,
  "too-large": 413,
  "too-many": 429,
} as const satisfies Statuses;

export interface Failure {
  readonly code: keyof typeof ownStatuses;
  readonly title: string;
  readonly detail?: string | undefined;
  readonly errors?: ApiProblem["errors"];
}

/**
 * The answer to a request that failed, and whether it is the server's own failure: of that, the one who asks is told nothing but where
 * to look for it.
 */
export function problemOf(asking: Asking, thrown: unknown): { problem: ApiProblem; isOwn: boolean } {
  const instance = instanceOf(asking);
  const known = isWaybillError(thrown) ? statuses[thrown.name]?.[thrown.code] : undefined;
  if (!isWaybillError(thrown) || known === undefined) {
    const code = isWaybillError(thrown) ? thrown.code : "internal";
    const title = "the server could not do it";
    const detail = "its log says why, under the name of this request";
    const problem = { type: typeOf(code), title, status: 500, code, detail, instance };
    return { problem, isOwn: true };
  }
  const { code, message, hint: detail } = thrown;
  const isAnonymous = code === "forbidden" && asking.get("identified").by === "nothing";
  const status = isAnonymous ? 401 : known;
  const title = (status >= 500 ? sayings[thrown.name] : undefined) ?? message;
  return { problem: { type: typeOf(code), title, status, code, detail, instance }, isOwn: status >= 500 };
}

/** Which database or provider it is that does not answer is told to those who can do something about it. */
const sayings: Readonly<Record<string, string>> = {
  AccessError: "nobody can log in there now",
  ForgeError: "the forge cannot be asked now, and nothing was done",
  GitError: "the repository cannot be read now, and nothing was done",
  DatabaseError: "the database cannot be used now",
  ObjectError: "the objects that records are kept in cannot be read now",
};

function instanceOf(asking: Asking): string {
  return `urn:waybill:request:${asking.get("requestId")}`;
}

/** Answers with a problem. */
export function answerProblem(asking: Asking, problem: ApiProblem): Response {
  const headers = new Headers({ "content-type": "application/problem+json" });
  if (problem.status === 401) headers.set("www-authenticate", 'Bearer realm="waybill"');
  if (problem.status === 503 || problem.status === 429) headers.set("retry-after", "5");
  return asking.newResponse(
    JSON.stringify(problem),
    problem.status as ProblemStatus,
    Object.fromEntries(headers),
  );
}

/** Answers with a failure of the server's own words. */
export function answerFailure(asking: Asking, { code, title, detail, errors }: Failure): Response {
  const [instance, status] = [instanceOf(asking), ownStatuses[code]];
  return answerProblem(asking, { type: typeOf(code), title, status, code, detail, instance, errors });
}

/** Answers that a part of a request is not as the description has it. */
export function answerInvalid(asking: Asking, part: string, { issues }: z.ZodError): Response {
  const errors = issues
    .slice(0, 20)
    .map(({ path, message }) => ({ path: [part, ...path].join("."), message }));
  const title = "the request is not as the description of the API has it";
  return answerFailure(asking, { code: "invalid-request", title, errors });
}

function typeOf(code: string): string {
  return `urn:waybill:problem:${code}`;
}
