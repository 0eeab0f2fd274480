export {
  either,
  entries,
  list,
  mapping,
  type NamedEntry,
  record,
  required,
} from "./collection.ts";
export { documentCodes, readDocument } from "./document.ts";
export { type Fields, readFields } from "./fields.ts";
export { flag, integer, scalar, text, word } from "./scalar.ts";
export * from "./shape.ts";
