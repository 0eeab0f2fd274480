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
export {
  anything,
  described,
  type EditorSchema,
  made,
  orEmpty,
  type ReadContext,
  type Shape,
  type ShapeCode,
  shapeCodes,
  type ValueFault,
  type ValueOf,
} from "./shape.ts";
