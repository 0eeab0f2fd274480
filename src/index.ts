export * from "./errors/index.ts";
export * from "./manifest/index.ts";
export * from "./oci/index.ts";
export * from "./registry/index.ts";
export * from "./settings/index.ts";
