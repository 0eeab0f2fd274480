export type { BuiltInValues, ResolvedBuild, ResolvedStep, SecretSource } from "./model.ts";
