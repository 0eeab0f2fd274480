export { Budget } from "./budget.ts";
export { type Copier, type CopyTarget, type CopyTask, createCopier } from "./copier.ts";
export { createDocumentCache, type DocumentCache } from "./document-cache.ts";
export type { BlobOutcome, CopyEvent } from "./events.ts";
export {
  type FetchDocument,
  type GraphNode,
  type GraphOptions,
  type ImageGraph,
  type Predecessors,
  readGraph,
  type Successors,
} from "./graph.ts";
export type { Arrival } from "./stragglers.ts";
export { type Seat, WideImages } from "./wide-images.ts";
