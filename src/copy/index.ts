export { Budget, type Seat, WideImages } from "./budget.ts";
export { Copier, type CopyTarget, type CopyTask } from "./copier.ts";
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
