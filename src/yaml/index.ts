export { YamlSyntaxError } from "./errors.ts";
export {
  isNullScalar,
  readBoolean,
  type YamlDocument,
  type YamlEntry,
  type YamlMapping,
  type YamlNode,
  type YamlScalar,
  type YamlSequence,
} from "./node.ts";
export { parseYaml } from "./parse.ts";
