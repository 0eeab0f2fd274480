import type { RunWaiting } from "../queue/index.ts";

/** Why a run does not run yet, as a sentence. */
export function waitingInWords(waiting: RunWaiting): string {
  switch (waiting.for) {
    case "release":
      return `somebody has to release it: ${waiting.why}`;
    case "time":
      return `it starts at ${waiting.until.toISOString()} at the earliest`;
    case "key":
      return `run ${waiting.run} of the same is not over`;
    case "mutex":
      return `run ${waiting.run} has the mutex ${waiting.mutex}`;
    case "concurrency":
      return `${waiting.running} of ${waiting.limit} runs of its job go on`;
    case "capacity":
      return `${waiting.running} of ${waiting.limit} places of ${waiting.capacity} are taken`;
    case "worker":
      return "no worker is there";
    case "turn":
      return waiting.ahead === 0 ? "it is next" : `${waiting.ahead} may start before it`;
  }
}
