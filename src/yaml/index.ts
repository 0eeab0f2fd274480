export { YamlSyntaxError } from "./errors.ts";
export * from "./node.ts";
export { parseYaml } from "./parse.ts";
