import { settingsJsonSchema } from "../../src/settings/schema.ts";
import { code, table, withoutStop } from "./table.ts";

/** A part of the schema of `waybill.yaml`, as far as a table tells of it. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** The keys of the entries of a section, or of what is named below them: `settings hosts tls`. */
export function settingsTable(path: readonly string[]): string {
  return schemaTable(settingsJsonSchema(), path);
}

/** The keys of what is named below a schema. */
export function schemaTable(whole: object, path: readonly string[]): string {
  let schema: Schema = whole;
  for (const name of path) {
    const next = entriesOf(schema)[name];
    if (next === undefined) throw new Error(`there is no ${path.join(".")}`);
    schema = next;
  }
  const rows = Object.entries(entriesOf(schema)).map(([name, entry]) => [code(name), meaningOf(entry)]);
  return table(["key", "value"], rows);
}

/** Keys of a mapping, of the entries of one that is by name, or of those of a list. */
function entriesOf(schema: Schema): Readonly<Record<string, Schema>> {
  const { properties, additionalProperties, items, anyOf = [] } = schema;
  if (properties !== undefined) return properties;
  if (typeof additionalProperties === "object") return entriesOf(additionalProperties);
  if (items !== undefined) return entriesOf(items);
  return Object.assign({}, ...anyOf.map(entriesOf));
}

function meaningOf({ type, description = "", minimum, maximum, ...schema }: Schema): string {
  const words = schema.enum?.map(code) ?? [];
  const start = type === "boolean" ? `${code("true")}: ` : words.length > 0 ? `${listed(words)}: ` : "";
  const text = withoutStop(description);
  const isCounted = type === "integer" && minimum !== undefined && maximum !== undefined;
  return `${start}${start === "" ? text : lowerFirst(text)}${isCounted ? `; ${minimum} to ${maximum}` : ""}`;
}

function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? `${text.charAt(0).toLowerCase()}${text.slice(1)}` : text;
}
