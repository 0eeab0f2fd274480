import type { FailureRecord } from "../errors/index.ts";

/** What is told of the requests to an origin; a kind of request is what it is for. */
export type OriginEvent<Kind extends string> =
  | {
      readonly type: "request";
      readonly host: string;
      readonly method: string;
      readonly kind: Kind;
      readonly status: number;
      readonly milliseconds: number;
    }
  | {
      readonly type: "retry";
      readonly host: string;
      readonly kind: Kind;
      /** Counted from 1. */
      readonly attempt: number;
      /** How many there are at most, where that is known; a "not yet" is none of them. */
      readonly of?: number | undefined;
      readonly waitMilliseconds: number;
      readonly reason: string;
      /** The code of such a failure. */
      readonly fault: string;
    }
  | {
      /** The host wants a pause: nothing is sent to it for so long. Told once for each pause. */
      readonly type: "waiting";
      readonly host: string;
      readonly milliseconds: number;
      readonly reason: string;
      /** What it was found to take, and is asked for from now on; absent where it has not refused for that. */
      readonly requestsPerSecond?: number | undefined;
    }
  | {
      /**
       * The host cannot be reached, and so many requests wait for it while it is asked again now and then. Told once,
       * until it is back.
       */
      readonly type: "away";
      readonly host: string;
      readonly failure: FailureRecord;
      readonly waiting: number;
    }
  | {
      /** A host that was `away` answers again, after so long. */
      readonly type: "back";
      readonly host: string;
      readonly milliseconds: number;
    }
  | {
      /**
       * A host has been silent for so long, or nearly so, while a request waits for it. Told of one of all those that
       * wait, every 15 seconds.
       */
      readonly type: "unanswered";
      readonly host: string;
      readonly kind: Kind;
      readonly milliseconds: number;
    };
