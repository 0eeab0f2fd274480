export type * from "./engine.ts";
export type * from "./model.ts";
