import type { Listener } from "../events/index.ts";
import type { AnswerHead } from "./answer.ts";
import { secretsIn } from "./answer.ts";
import type { Fault } from "./failure/fault.ts";
import { shownHeader, shownUrl } from "./redaction.ts";
import type { Outgoing } from "./way/transport.ts";

/** One request and what came of it, without anything that is secret: to be shown to whoever looks on. */
export interface TracedRequest {
  readonly type: "traced";
  readonly method: string;
  readonly url: string;
  /** The status of the answer or, where none came, what went wrong. */
  readonly outcome: number | string;
  /** From when it was sent to the answer's head. */
  readonly milliseconds: number;
  readonly sent: readonly ShownHeader[];
  readonly received: readonly ShownHeader[];
}

/** Name, in lower case, and value. */
export type ShownHeader = readonly [name: string, value: string];

/** Told of every request, attempts and redirects among them. */
export type Trace = Listener<TracedRequest>;

/** What is told of a request that has been answered, or has not. */
export function tracedRequest(
  { method, url, headers }: Pick<Outgoing, "method" | "url" | "headers">,
  outcome: Pick<AnswerHead, "status" | "headers"> | Fault,
  milliseconds: number,
): TracedRequest {
  const secrets = secretsIn(headers.authorization);
  const shown = (all: AnswerHead["headers"]): readonly ShownHeader[] =>
    Object.entries(all).flatMap(([name, values]) =>
      [values ?? []].flat().map((value) => [name, shownHeader(name, value, url, secrets)] as const),
    );
  const isAnswered = "status" in outcome;
  return {
    type: "traced",
    ...{ method, url: shownUrl(url), milliseconds },
    outcome: isAnswered ? outcome.status : [outcome.kind, outcome.code].filter(Boolean).join(" "),
    sent: shown(headers),
    received: isAnswered ? shown(outcome.headers) : [],
  };
}
