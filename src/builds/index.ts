export { readBuiltImages } from "./built-images.ts";
export { chooseEngine, type EngineChoice } from "./choose-engine.ts";
export type * from "./engine.ts";
export { BuildError, type BuildErrorCode } from "./errors.ts";
export type { BuildEvent } from "./events.ts";
export type * from "./model.ts";
export { jobNameOf, type PreparedBuild, prepareBuild } from "./plan.ts";
export { type RunBuildOptions, runBuild } from "./run-build.ts";
export { checkVariants, variantsCodes } from "./variants.ts";
