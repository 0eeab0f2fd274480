export { LineIndex, type TextPosition } from "./line-index.ts";
export {
  isNullScalar,
  readBoolean,
  type YamlEntry,
  type YamlMapping,
  type YamlNode,
  type YamlScalar,
  type YamlSequence,
} from "./node.ts";
export { parseYaml, type YamlDocument, YamlSyntaxError } from "./parse.ts";
