import type { BuildEvent } from "../builds/index.ts";
import { asJson } from "../disk/index.ts";
import { failureRecord, messageOf } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import type { ForgeWait } from "../forge/index.ts";
import {
  createTrafficMeter,
  formatPlan,
  type Plan,
  type PromotionEvent,
  type Traffic,
  type VerificationEvent,
} from "../promotion/index.ts";
import type { RegistryEvent } from "../registry/index.ts";
import type { StepEvent } from "../release/index.ts";
import type { Run, RunEnd, RunHead, RunStore } from "../store/index.ts";

/** A recorded run begins. */
export interface StartedEvent {
  readonly type: "started";
  readonly head: RunHead;
}

/** It is over. */
export interface EndedEvent {
  readonly type: "ended";
  readonly result: RunEnd["result"];
  /** The exit code of the command; `undefined` when it was given up by an error. */
  readonly status: number | undefined;
  /** Requests and bytes, by host: what is too much to be told one by one. */
  readonly traffic: Traffic;
  /** Events that are not in the record, because it had as many as it may have. */
  readonly leftOut: number;
}

/** Everything that work tells while it goes on and that is recorded, of all rooms: told apart by `type`, which no two of them share but for one meaning. */
export type RunEvent =
  | StartedEvent
  | RegistryEvent
  | ForgeWait
  | PromotionEvent
  | VerificationEvent
  | StepEvent
  | BuildEvent
  | EndedEvent;

/**
 * The record of a run of a command, while it goes on. None of its methods throws: that something cannot be recorded is told
 * once, and changes nothing of what is done.
 */
export interface Recording {
  readonly listener: Listener<RunEvent>;
  /** Appends a line to the log. */
  log(line: string): void;
  /** Keeps the plan that is made or carried out. */
  plan(plan: Plan): Promise<void>;
  /** Keeps a result as `report.json`. */
  report(result: object): Promise<void>;
  /**
   * The last word. @param thrown What the run was given up by.
   * @param revision The commit that it turned out to be about.
   */
  end(
    result: RunEnd["result"],
    outcome: { readonly status: number; readonly [more: string]: unknown } | { readonly thrown: unknown },
    revision?: string,
  ): Promise<void>;
  /** Whether all of it could be recorded so far. */
  readonly isWhole: boolean;
}

/** A recording of nothing, for commands that nobody asked to record. */
export const noRecording: Recording = {
  listener: () => {},
  log: () => {},
  plan: async () => {},
  report: async () => {},
  end: async () => {},
  isWhole: true,
};

/** Events of one run; those beyond them are counted. */
const maxEvents = 100_000;

/**
 * Begins to record.
 * @param onFailure Is told once, with the reason, when something cannot be recorded.
 */
export async function startRecording(
  store: RunStore,
  head: RunHead,
  onFailure: (reason: string) => void,
): Promise<Recording> {
  const failures = toldOnce(onFailure);
  const run = await store.start({ job: head.verb, type: "periodic", head }).catch((error: unknown) => {
    failures.tell(error);
    return undefined;
  });
  return begun(run, head, failures);
}

/**
 * Records in a run that has begun already.
 * @param onFailure Is told once, with the reason, when something cannot be recorded.
 */
export function recordIn(run: Run, head: RunHead, onFailure: (reason: string) => void): Recording {
  return begun(run, head, toldOnce(onFailure));
}

function begun(
  run: Run | undefined,
  head: RunHead,
  failures: { readonly isNone: boolean; tell(error: unknown): void },
): Recording {
  const recording = run === undefined ? noRecording : recordingOf(run, failures.tell);
  recording.listener({ type: "started", head });
  return {
    ...recording,
    get isWhole() {
      return failures.isNone;
    },
  };
}

function toldOnce(onFailure: (reason: string) => void) {
  let isNone = true;
  return {
    get isNone() {
      return isNone;
    },
    tell(error: unknown): void {
      if (isNone) onFailure(messageOf(error));
      isNone = false;
    },
  };
}

function recordingOf(run: Run, failed: (error: unknown) => void): Omit<Recording, "isWhole"> {
  const meter = createTrafficMeter();
  let planHash: string | undefined;
  let count = 0;
  let leftOut = 0;
  let tenth = -1;
  let isOver = false;

  const guarded = (work: () => void): void => {
    // What is told when the last word is said is no failure to record.
    if (isOver) return;
    try {
      work();
    } catch (error) {
      failed(error);
    }
  };
  const append = (event: RunEvent): void => {
    count += 1;
    if (count > maxEvents) leftOut += 1;
    else guarded(() => run.append(event));
  };
  const listener = (event: RunEvent): void => {
    switch (event.type) {
      case "request":
      case "read":
      case "bytes":
        meter.listener(event);
        break;
      case "image-started":
      case "blob-started":
      case "blob-finished":
      case "bytes-read":
      // Whoever may read a record need not know where this process keeps what.
      case "credential":
        break;
      case "progress": {
        const reached = Math.floor((10 * event.done) / Math.max(1, event.total));
        if (reached !== tenth) append(event);
        tenth = reached;
        break;
      }
      case "retry":
      case "overlooked":
      case "waiting":
      case "away":
      case "back":
        meter.listener(event);
        append(event);
        break;
      default:
        append(event);
    }
  };
  return {
    listener,
    log: (line) => guarded(() => run.log(`${line}\n`)),
    async plan(plan) {
      planHash = plan.hash;
      await run.write("plan.json", formatPlan(plan)).catch(failed);
    },
    report: (result) => run.write("report.json", asJson(result)).catch(failed),
    async end(result, outcome, revision) {
      const given = "status" in outcome ? outcome : { failure: failureRecord(outcome.thrown) };
      if ("thrown" in outcome) guarded(() => run.log(`${messageOf(outcome.thrown)}\n`));
      const status = "status" in outcome ? outcome.status : undefined;
      guarded(() =>
        run.append({ type: "ended", result, status, traffic: meter.read(), leftOut } as RunEvent),
      );
      isOver = true;
      await run.finish({ result, revision, planHash, metadata: given }).catch(failed);
    },
  };
}
