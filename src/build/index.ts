export { readBuiltImages } from "./built-images.ts";
export type * from "./engine.ts";
export type * from "./model.ts";
