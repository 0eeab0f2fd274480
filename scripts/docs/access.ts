import { accessShape } from "../../src/access/index.ts";
import { text } from "../../src/schema/index.ts";
import { schemaTable } from "./settings.ts";

/** The keys below `access`, or of what is named below them. */
export function accessTable(path: readonly string[]): string {
  return schemaTable(accessShape(text()).editor, path);
}
