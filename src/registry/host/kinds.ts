import type { Kinds, KindTraits } from "../../http/index.ts";
import type { RequestKind } from "../events.ts";

const read: KindTraits = { operation: "manifest-read" };
const blobRead: KindTraits = { operation: "blob-read" };
const blobWrite: KindTraits = { operation: "blob-write" };

/** Its tag check and its put end the work on an image: they overtake the blobs of others. */
const headStart = 1024;

export const kinds: Kinds<RequestKind> = {
  token: read,
  resolve: { ...read, headStart },
  "manifest-get": read,
  list: { ...read, isSized: true },
  referrers: read,
  "blob-head": blobRead,
  "blob-get": blobRead,
  redirect: blobRead,
  // A blob that is not mounted is uploaded.
  mount: { ...blobWrite, maxRetries: 1 },
  "upload-start": blobWrite,
  "upload-data": { ...blobWrite, isSized: true, isBulk: true },
  "upload-status": blobWrite,
  "upload-cancel": blobWrite,
  "manifest-put": { operation: "manifest-write", headStart },
  delete: { operation: "manifest-write" },
};
