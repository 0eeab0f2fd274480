import type { RegistryError, RegistryErrorCode } from "./errors.ts";

/** What the registry room reports while it works; listeners show progress, count requests, or write a log. */
export type RegistryEvent =
  | {
      readonly type: "request";
      readonly host: string;
      readonly method: string;
      readonly kind: RequestKind;
      readonly status: number;
      readonly milliseconds: number;
    }
  | {
      readonly type: "retry";
      readonly host: string;
      readonly kind: RequestKind;
      /** Counted from 1. */
      readonly attempt: number;
      readonly waitMilliseconds: number;
      readonly reason: string;
      /** What kind of failure it was. */
      readonly fault: RegistryErrorCode;
    }
  | {
      /** A failure that the work goes on without: what failed is not asked for again. */
      readonly type: "overlooked";
      readonly host: string;
      readonly kind: RequestKind;
      readonly fault: RegistryErrorCode;
    }
  | {
      /** The host wants a pause: nothing is sent to it for so long. Reported once for each pause. */
      readonly type: "waiting";
      readonly host: string;
      readonly milliseconds: number;
      readonly reason: string;
    }
  | {
      /**
       * The host cannot be reached, and so many requests wait for it while it is asked again now and then. Reported once,
       * until it is back.
       */
      readonly type: "away";
      readonly host: string;
      readonly failure: RegistryError;
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
       * A host has been silent for so long, or nearly so, while a request waits for it. Reported of one of all those that
       * wait, every 15 seconds.
       */
      readonly type: "unanswered";
      readonly host: string;
      readonly kind: RequestKind;
      readonly milliseconds: number;
    };

/** What a request is for: the unit in which quotas are counted. */
export type RequestKind =
  | "token"
  | "resolve"
  | "manifest-get"
  | "manifest-put"
  | "blob-head"
  | "blob-get"
  | "mount"
  | "upload-start"
  | "upload-data"
  | "upload-status"
  | "upload-cancel"
  | "list"
  | "referrers"
  | "delete"
  | "redirect";

/** Told of every request, retry, overlooked failure and pause. Must not throw. */
export type RegistryListener = (event: RegistryEvent) => void;
