import type { RequestKind } from "../events.ts";

/** What shares a window: requests that cost a registry about the same, and that quotas count together. */
export type Operation = "manifest-read" | "blob-read" | "blob-write" | "manifest-write";

const operationsOfKinds: Readonly<Record<RequestKind, Operation>> = {
  token: "manifest-read",
  resolve: "manifest-read",
  "manifest-get": "manifest-read",
  list: "manifest-read",
  referrers: "manifest-read",
  "blob-head": "blob-read",
  "blob-get": "blob-read",
  redirect: "blob-read",
  mount: "blob-write",
  "upload-start": "blob-write",
  "upload-data": "blob-write",
  "upload-status": "blob-write",
  "upload-cancel": "blob-write",
  "manifest-put": "manifest-write",
  delete: "manifest-write",
};

export function operationOf(kind: RequestKind): Operation {
  return operationsOfKinds[kind];
}

/**
 * How many that asked before it a request may overtake. What ends the work on an image, its tag check and its put, is
 * not to wait behind the blobs of hundreds of others; but nothing waits forever behind it either.
 */
export function headStartOf(kind: RequestKind): number {
  return kind === "resolve" || kind === "manifest-put" ? 1024 : 0;
}

/** Kinds whose answer takes longer for more bytes: what it takes says nothing about how busy the registry is. */
const sized: ReadonlySet<RequestKind> = new Set(["upload-data", "list"]);

/** Whether the time until a request of this kind is answered tells how busy the registry is. */
export function tellsLoad(kind: RequestKind): boolean {
  return !sized.has(kind);
}
