import type { OriginEvent } from "../http/index.ts";

/** What the registry room reports while it works; listeners show progress, count requests, or write a log. */
export type RegistryEvent =
  | OriginEvent<RequestKind>
  | {
      /** A host wants to know who asks, and this is where what it is shown comes from; `undefined` when there is nothing. */
      readonly type: "credential";
      readonly host: string;
      readonly source: string | undefined;
    }
  | {
      /** A failure that the work goes on without: what failed is not asked for again. */
      readonly type: "overlooked";
      readonly host: string;
      readonly kind: RequestKind;
      /** The code of such a failure. */
      readonly fault: string;
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
