export { type Copier, type CopyTarget, type CopyTask, createCopier } from "./copier.ts";
export { createDocumentCache, type DocumentCache } from "./document-cache.ts";
export type { BlobOutcome, CopyEvent } from "./events.ts";
export { type FetchDocument, type GraphNode, type ImageGraph, readGraph } from "./graph.ts";
export type { Arrival } from "./pace.ts";
export { type Seat, WideImages } from "./wide-images.ts";
