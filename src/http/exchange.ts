import { Readable } from "node:stream";
import { failureRecord } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import {
  type Answer,
  type AnswerHead,
  isSuccess,
  type StreamedAnswer,
  secretsIn,
  smallBody,
} from "./answer.ts";
import { readBeginning, readBody } from "./body.ts";
import type { OriginEvent } from "./events.ts";
import { waitOf } from "./failure/backoff.ts";
import { Company, type Member } from "./failure/company.ts";
import { type Explain, failureOf, faultError, faultOf, traitsOf } from "./failure/fault.ts";
import { Presence, type Trouble, Unanswered } from "./failure/presence.ts";
import type { Kinds } from "./kinds.ts";
import type { Limiter, Observation } from "./rate/limiter.ts";
import { type RateLimitOf, Turns } from "./rate/turns.ts";
import type { Timing } from "./timing.ts";
import { tracedRequest } from "./trace.ts";
import { untilAborted } from "./until-aborted.ts";
import { type Outgoing, openTransport, type TransportOptions } from "./way/transport.ts";

/** Where one request goes, and what for. */
export interface Direction<Kind> {
  readonly url: URL;
  readonly kind: Kind;
  /** The thing that was asked for, for messages. */
  readonly where: string;
  /** What tells it from other things that may be answered with a server's error; `where` without it. */
  readonly about?: string | undefined;
  /** What is asked in a role of its own, such as that of a token service. */
  readonly role?: string | undefined;
}

export type Message = Omit<Outgoing, "waiting" | "url">;

export interface ExchangeOptions<Kind extends string> extends TransportOptions {
  readonly timing: Timing;
  readonly kinds: Kinds<Kind>;
  readonly rateLimiters?: readonly RateLimitOf<Kind>[];
  readonly limiter: Limiter<Kind>;
  readonly retries: number;
  /** The host is known to be there, although it may not have answered in this run. */
  readonly isExpected?: boolean;
  readonly company?: Company;
  readonly explain: Explain;
  /** What an answer tells that may say of its host that it gives none at all now; without it, none does. */
  readonly troubleOf?: (answer: AnswerHead, direction: Direction<Kind>) => Trouble | undefined;
  readonly listener?: Listener<OriginEvent<Kind>>;
  /** Once it is aborted no request leaves any more. */
  readonly closed: AbortSignal;
}

/** Milliseconds by which timers differ that are to go off together. */
const tolerance = 1_000;
const nothing = new Uint8Array();

export const clock = (): number => performance.now();

/** Single requests to one origin, and to those that it sends us to, each when its turn has come and the host is there. */
export function openExchanges<Kind extends string>(options: ExchangeOptions<Kind>) {
  const { endpoint, listener = () => {}, timing, kinds, limiter, explain } = options;
  const { troubleOf = () => undefined, company = new Company(timing.firstBackoff) } = options;
  const { host } = endpoint;
  const ownOrigin = endpoint.origin.origin;
  const transport = openTransport(options);
  const untilClosed = untilAborted(options.closed, () => {});
  const turns = new Turns(kinds, options.rateLimiters ?? [], clock);
  /**
   * Who is asked may be away: the origin, each place that it sends us to, and what is asked in a role of its own, such as
   * a token service. That is a place by itself, wherever it is: it may be away behind an origin that answers.
   */
  const places: {
    readonly origin: string;
    readonly role: string | undefined;
    readonly presence: Presence;
  }[] = [];
  const presenceAt = ({ origin, host, protocol }: URL, role: string | undefined): Presence => {
    const known = places.find((place) => place.origin === origin && place.role === role);
    if (known !== undefined) return known.presence;
    const presence = new Presence({
      ...{ host, inTls: protocol === "https:", role, explain, timing },
      retries: options.retries,
      isExpected: options.isExpected,
      isBusyElsewhere: () => company.isBusyBeside(member),
      onChange: (change) =>
        listener(
          change.type === "away"
            ? { host, ...change, failure: failureRecord(change.failure) }
            : { host, ...change },
        ),
    });
    places.push({ origin, role, presence });
    return presence;
  };
  const mistaken = new Map<string, Promise<boolean>>();
  let answers = 0;
  let restsUntil = 0;
  const member: Member = {
    // Nothing can be asked of it without what has a role.
    isAway: () =>
      places.some(
        ({ origin, role, presence }) => presence.isAway && (role !== undefined || origin === ownOrigin),
      ),
    moved: () => transport.moved() + answers,
    restsUntil: () => restsUntil,
  };
  company.join(member);

  const isOwn = ({ from }: Pick<AnswerHead, "from">): boolean => from.origin === ownOrigin;

  const learn = (observation: Observation<Kind>, headers: AnswerHead["headers"]): void => {
    const { status } = observation;
    const isBusy = status === 429 || status === 503;
    const wait = isBusy ? (waitOf({ headers, status }) ?? 0) : 0;
    // A limit of hours tells nothing of how many requests are too many in a second.
    if (wait > timing.maxRetryAfter) return;
    limiter.observe(observation);
    turns.observe(observation);
    restsUntil = Math.max(restsUntil, clock() + wait);
    if (wait > 0 && turns.pause(wait)) {
      const requestsPerSecond = turns.learntRate();
      listener({ type: "waiting", host, milliseconds: wait, reason: `status ${status}`, requestsPerSecond });
    }
  };

  /** Of all requests that wait for an answer, one speaks. */
  let saidAt = Number.NEGATIVE_INFINITY;
  const sayWaiting =
    (host: string, kind: Kind) =>
    (milliseconds: number): void => {
      if (clock() - saidAt < timing.silence - tolerance) return;
      saidAt = clock();
      listener({ type: "unanswered", host, kind, milliseconds: Math.round(milliseconds) });
    };

  const exchange = async (
    message: Message,
    { url, kind, where }: Direction<Kind>,
  ): Promise<StreamedAnswer> => {
    const { method, headers, signal, body: sending } = message;
    const sent = clock();
    const secrets = secretsIn(headers.authorization);
    const tell = (outcome: Parameters<typeof tracedRequest>[1]): void =>
      options.trace?.(tracedRequest({ method, url, headers }, outcome, clock() - sent));
    let isAnswered = false;
    const refused: unknown[] = [];
    const leave = async (): Promise<void> => {
      try {
        await message.leave?.();
      } catch (error) {
        refused.push(error);
        throw error;
      }
    };
    try {
      const response = await transport.request({
        ...message,
        ...{ url, waiting: sayWaiting(url.host, kind), leave: message.leave && leave },
      });
      const { status, body } = response;
      answers += 1;
      isAnswered = true;
      tell(response);
      const milliseconds = clock() - sent;
      if (isOwn({ from: url })) learn({ kind, status, sent, milliseconds }, response.headers);
      listener({ type: "request", host: url.host, method, kind, status, milliseconds });
      // Whoever reads the body learns of its failure; one that nobody reads must not end the process.
      body.on("error", () => {});
      const isEmpty = method === "HEAD" || status === 204 || response.headers["content-length"] === "0";
      const answer = { status, from: url, headers: response.headers, secrets, body, isEmpty };
      if (status !== 400 || !(await isMistaken(url))) return answer;
      body.destroy();
      throw faultError("wants-tls");
    } catch (error) {
      if (!isAnswered) tell(faultOf(error));
      // Nobody has failed.
      if (refused.length > 0) throw refused[0];
      const about = { where, kind, host: url.host, inTls: url.protocol === "https:" };
      // What the sender itself has given up, or has failed to read, says nothing about the host.
      if (signal?.aborted || (sending instanceof Readable && sending.errored)) {
        throw failureOf(error, about, explain);
      }
      const fault = faultOf(error);
      // Nor does one body that it does not get done with.
      if (kinds[kind].isBulk && traitsOf(fault).isTimeout) throw failureOf(error, about, explain);
      const isBroken = fault.kind === "hang-up" || fault.kind === "not-http";
      throw new Unanswered(isBroken && (await isMistaken(url)) ? { ...fault, kind: "wants-tls" } : fault);
    }
  };

  /** Whether a host that has said nothing of use in plain HTTP wants to be spoken to in TLS. */
  const isMistaken = async (url: URL): Promise<boolean> => {
    if (places.some(({ origin, presence }) => origin === url.origin && presence.wasThere)) return false;
    const found = mistaken.get(url.origin) ?? transport.wantsTls(url);
    mistaken.set(url.origin, found);
    return found;
  };

  return {
    dispatch: (direction: Direction<Kind>, prepare: () => Promise<Message>): Promise<StreamedAnswer> =>
      presenceAt(direction.url, direction.role).carry(
        direction,
        async () => {
          const { url, kind, where } = direction;
          const ended = () => failureOf(faultError("ended"), { where, kind, host: url.host }, explain);
          // A turn is had by every single request that goes to the host itself.
          await untilClosed(async () => isOwn({ from: url }) && turns.next(kind), ended);
          const message = await prepare();
          if (options.closed.aborted) throw ended();
          return exchange(message, direction);
        },
        (answer) => troubleOf(answer, direction),
      ),
    /** The whole body of a success, up to a limit; of any other answer, the beginning. */
    async collect(answer: StreamedAnswer, limit: number, where: string): Promise<Answer> {
      const { body, isEmpty, ...head } = answer;
      const watch = setTimeout(() => body.destroy(faultError("slow-body")), timing.whole);
      body.once("close", () => clearTimeout(watch));
      if (isEmpty) {
        body.resume();
        return { ...head, bytes: nothing };
      }
      try {
        const bytes = isSuccess(head) ? await readBody(body, limit) : await readBeginning(body, smallBody);
        return { ...head, bytes };
      } catch (error) {
        throw failureOf(error, { where, host: head.from.host }, explain);
      }
    },
    isOwn,
    /** Nothing is sent before that, for other reasons than a demanded pause. */
    restsUntil: (time: number): void => {
      restsUntil = Math.max(restsUntil, time);
    },
    close: (): Promise<void> => {
      for (const { presence } of places) presence.close();
      turns.close();
      return transport.close();
    },
  };
}
