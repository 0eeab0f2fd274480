export type { Pages, PagesParts } from "./model.ts";
export { createPages } from "./pages.ts";
