import type { WaybillError } from "../../errors/index.ts";
import type { Timing } from "../timing.ts";
import { type About, type Explain, explained, type Fault, traitsOf } from "./fault.ts";
import { HostAway, type TransientFailure } from "./transient.ts";

/** That a host gave no answer to a request. Never leaves this room. */
export class Unanswered extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.reason);
    this.fault = fault;
  }
}

/** What a {@link Presence} needs to know of the run that it is part of. */
export interface PresenceOptions extends Pick<About, "host" | "inTls" | "role"> {
  readonly explain: Explain;
  readonly timing: Timing;
  /** Attempts after the first one, while nobody else has work. */
  readonly retries: number;
  /** It is known to be there, although it may not have answered in this run: it gets all its attempts from the first on. */
  readonly isExpected?: boolean | undefined;
  /** Whether other hosts have work, so that waiting for this one costs nobody anything. */
  readonly isBusyElsewhere: () => boolean;
  readonly onChange: (change: Change) => void;
}

/** That a host is waited for, or need not be any more. */
export type Change =
  | { readonly type: "away"; readonly failure: WaybillError; readonly waiting: number }
  | { readonly type: "back"; readonly milliseconds: number };

/** That an answer says nothing but that the host cannot give one now. */
export interface Trouble {
  /** What was asked for: the same thing again tells nothing new. */
  readonly about: string;
  readonly status: number;
}

/** What is asked for, as messages name it, and in which kind of request. */
type Asked = Pick<About, "where" | "kind">;

interface Waiter {
  readonly asked: Asked;
  readonly go: (isScout: boolean) => void;
  readonly fail: (error: Error) => void;
}

interface Absence {
  readonly since: number;
  fault: Fault;
  asked: Asked;
  /** Whether asking again in a few seconds may help. */
  mayPass: boolean;
  attempts: number;
  /** Until when all that is asked fails at once; `undefined` while the host is waited for. */
  heldUntil: number | undefined;
  isTold: boolean;
}

/**
 * Whether one host is there: found out once for all who ask it. Until it has answered, one request goes ahead and the
 * others wait for what becomes of it (more go ahead when that takes long). When the host cannot be reached, no request
 * has an attempt of its own any more: all wait, one at a time goes ahead at a measured pace, and its answer lets them
 * all go on. They wait as long as other hosts have work, and after that for so many attempts as the settings allow; a
 * host that never was there gets one more. Then all fail alike, and what is asked later fails at once, but for one
 * request every few seconds. What asking again does not mend (an unknown name, a certificate) is not waited for.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #waiting: Waiter[] = [];
  #isThere = false;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #absence: Absence | undefined;
  #scouts = 0;
  /** Connections that ended without an answer before there was any: the path may be at fault, or the host. */
  #broken = 0;
  /** What was answered with a server's error, and nothing otherwise since: the path may be at fault, or the host. */
  readonly #troubled = new Set<string>();
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  get isAway(): boolean {
    return this.#absence !== undefined;
  }

  get wasThere(): boolean {
    return this.#answeredAt > Number.NEGATIVE_INFINITY;
  }

  /**
   * Sends something to the host as soon as it may be there.
   * @param send Throws {@link Unanswered} where the host gave no answer.
   * @param troubleOf What the host fails with that gave such an answer, if it gives it to all that it is asked. Who got
   * it has it, and an attempt less; others wait as they do when there is no answer.
   * @throws The failure of the host, when it is no longer waited for.
   * @throws {HostAway} To be sent anew, which will wait for the host.
   */
  async carry<Result>(
    asked: Asked,
    send: () => Promise<Result>,
    troubleOf: (result: Result) => Trouble | undefined = () => undefined,
  ): Promise<Result> {
    const isScout = await this.#admitted(asked);
    const sent = performance.now();
    try {
      const result = await send();
      const trouble = troubleOf(result);
      if (trouble === undefined) this.#answered();
      else this.#inTrouble(trouble, { asked, sent, isScout });
      return result;
    } catch (thrown) {
      if (!(thrown instanceof Unanswered)) throw thrown;
      throw this.#unanswered(thrown.fault, { asked, sent, isScout });
    } finally {
      if (isScout) this.#scoutEnded();
    }
  }

  /** Nobody waits any more. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { asked, fail } of this.#waiting.splice(0)) fail(this.#failureAt(asked));
  }

  #admitted(asked: Asked): Promise<boolean> | boolean {
    if (this.#isThere) return false;
    const heldUntil = this.#absence?.heldUntil;
    if (heldUntil !== undefined && performance.now() < heldUntil) throw this.#failureAt(asked);
    return new Promise((go, fail) => {
      this.#waiting.push({ asked, go, fail });
      this.#look();
    });
  }

  #scoutEnded(): void {
    this.#scouts -= 1;
    // It has not even got as far as the host.
    if (this.#absence === undefined) this.#next = 0;
    this.#look();
  }

  #answered(): void {
    const now = performance.now();
    this.#answeredAt = now;
    this.#troubled.clear();
    if (this.#isThere) return;
    this.#isThere = true;
    const absence = this.#absence;
    this.#absence = undefined;
    if (absence?.isTold) this.#options.onChange({ type: "back", milliseconds: now - absence.since });
    for (const { go } of this.#waiting.splice(0)) go(false);
  }

  /** One path may be answered so; several, and nothing else, tell of the host. */
  #inTrouble(
    { about, status }: Trouble,
    request: { readonly asked: Asked; readonly sent: number; readonly isScout: boolean },
  ): void {
    if (this.#answeredAt >= request.sent) return;
    this.#troubled.add(about);
    if (this.#absence === undefined && this.#troubled.size < maxTroubled) return;
    this.#unanswered({ kind: "server-error", code: `${status}`, reason: "", cause: undefined }, request);
  }

  #unanswered(
    fault: Fault,
    { asked, sent, isScout }: { asked: Asked; sent: number; isScout: boolean },
  ): WaybillError | TransientFailure {
    const { explain, ...options } = this.#options;
    if (!this.#isOwn(fault, sent)) return explained(fault, { ...options, ...asked }, explain);
    const now = performance.now();
    // What has been there in this run may be there again, whatever is wrong with it now.
    const mayPass = traitsOf(fault).mayPass === true || this.wasThere;
    const known = this.#absence;
    if (known === undefined) {
      this.#absence = {
        ...{ since: sent, fault, asked, mayPass, attempts: 1, heldUntil: undefined, isTold: false },
      };
      this.#next = Math.max(this.#scouts <= 1 ? 0 : this.#next, now + this.#pause(1, fault));
    } else if (isScout) {
      known.fault = fault;
      known.asked = asked;
      known.mayPass = mayPass;
      known.attempts += 1;
      known.heldUntil = undefined;
      // As long as others are out there, they are enough.
      const soonest = now + this.#pause(known.attempts, fault);
      this.#next = this.#scouts === 1 ? soonest : Math.max(this.#next, soonest);
    }
    this.#isThere = false;
    if (!mayPass) this.#giveUp(now);
    return this.#absence?.heldUntil === undefined
      ? new HostAway(this.#failureAt(asked))
      : this.#failureAt(asked);
  }

  /** Whether it is the host's own failure: whatever had been asked of it then would have failed so. */
  #isOwn(fault: Fault, sent: number): boolean {
    if (this.#answeredAt >= sent) return false;
    const { isOfHost, isTimeout, isSuspect } = traitsOf(fault);
    if (isOfHost || isTimeout) return true;
    if (this.wasThere || !isSuspect) return false;
    this.#broken += 1;
    return this.#broken >= maxBroken;
  }

  #look(): void {
    clearTimeout(this.#timer);
    if (this.#isThere || this.#waiting.length === 0) return;
    const now = performance.now();
    const absence = this.#absence;
    // Asked from the beginning on, so that it is known by the time that it counts.
    const isBusyElsewhere = this.#options.isBusyElsewhere();
    if (absence !== undefined && absence.heldUntil === undefined) {
      if (this.#isInVain(absence, isBusyElsewhere, now)) {
        this.#giveUp(now);
        return;
      }
      this.#tell(absence, isBusyElsewhere);
    }
    if (now >= this.#next && this.#scouts < maxScouts) {
      this.#scouts += 1;
      this.#next = now + this.#options.timing.firstBackoff * 2 ** (this.#scouts - 1);
      this.#waiting.shift()?.go(true);
    }
    if (this.#waiting.length === 0) return;
    const tick = this.#options.timing.firstBackoff / 4;
    const wait = this.#scouts < maxScouts ? Math.min(this.#next - now, tick) : tick;
    this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(wait)));
  }

  #isInVain({ since, attempts, fault }: Absence, isBusyElsewhere: boolean, now: number): boolean {
    const { retries, timing } = this.#options;
    if (now - since > timing.deadline) return true;
    const allowed = this.#mayReturn(fault) ? retries : Math.min(retries, atFirst(fault));
    return attempts > allowed && !isBusyElsewhere;
  }

  #giveUp(now: number): void {
    const absence = this.#absence;
    if (absence === undefined) return;
    const { firstBackoff } = this.#options.timing;
    absence.heldUntil = now + firstBackoff * (absence.mayPass ? heldFor.passing : heldFor.lasting);
    this.#next = absence.heldUntil;
    for (const { asked, fail } of this.#waiting.splice(0)) fail(this.#failureAt(asked));
  }

  #tell(absence: Absence, isBusyElsewhere: boolean): void {
    if (absence.isTold || !(isBusyElsewhere || this.#mayReturn(absence.fault))) return;
    absence.isTold = true;
    const failure = this.#explained(absence.fault, absence.asked);
    this.#options.onChange({ type: "away", failure, waiting: this.#waiting.length });
  }

  /** Whether something is there that answers, or has in this run. */
  #mayReturn({ kind }: Fault): boolean {
    return this.wasThere || this.#options.isExpected === true || kind === "server-error";
  }

  /** Milliseconds between two attempts: at first there may be nothing but a port that is wrong. */
  #pause(attempts: number, fault: Fault): number {
    const { firstBackoff } = this.#options.timing;
    const first = this.#mayReturn(fault) ? firstBackoff : firstBackoff / 5;
    return Math.min(5 * firstBackoff, first * 2 ** Math.min(attempts - 1, 30));
  }

  #failureAt(asked: Asked): WaybillError {
    const fault = this.#absence?.fault ?? { kind: "ended", code: "", reason: "", cause: undefined };
    return this.#explained(fault, asked);
  }

  #explained(fault: Fault, asked: Asked): WaybillError {
    const { explain, host, inTls, role } = this.#options;
    return explain(fault, { ...asked, host, inTls, role, isOfHost: fault.kind !== "ended" });
  }
}

/** Attempts after the first one at a host that has never been there: only a refusal may be one of the moment. */
function atFirst(fault: Fault): number {
  const { isOfHost, isTimeout } = traitsOf(fault);
  return isOfHost && !isTimeout ? 1 : 0;
}

/** Requests that go ahead at a time: the last of them is given up when its own time is over. */
const maxScouts = 4;

/** Connections after which a host is taken to break all of them. */
const maxBroken = 4;

/** Things after which a host is taken to answer all that it is asked with a server's error. */
const maxTroubled = 4;

/** First pauses during which nothing is asked after a host was given up. */
const heldFor = { passing: 5, lasting: 30 };
