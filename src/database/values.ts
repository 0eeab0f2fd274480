/** A value as it goes to either driver. */
export type Encoded = string | Uint8Array | null;

/** What {@link Sql} promises of the values that go in: as text, so that both drivers mean the same. */
export function encoded(value: unknown): Encoded {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value.replace(unkept, replacement);
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return arrayText(value);
  return typeof value === "object" ? jsonText(value) : String(value);
}

/** Characters that no text of PostgreSQL holds: NUL, and halves of a pair of surrogates. What comes from outside may have them. */
const unkept = /\0|\p{Surrogate}/gu;
const replacement = "\uFFFD";

/** The text of a JSON value that can be kept, for lists: given as such, they would be arrays of SQL. */
export function jsonText(value: unknown): string {
  // Of surrogates, only halves are escaped here.
  return JSON.stringify(value).replace(/\\(?:u[0-9a-f]{4}|.)/g, (written) =>
    /^\\u(?:0000|d[89a-f]..)$/.test(written) ? replacement : written,
  );
}

function arrayText(values: readonly unknown[]): string {
  const words = values.map((value) => {
    if (Array.isArray(value)) return arrayText(value);
    const word = encoded(value);
    if (word === null) return "NULL";
    const text = typeof word === "string" ? word : bytesText(word);
    return `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${words.join(",")}}`;
}

function bytesText(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex")}`;
}

type Parse = (text: string) => unknown;

const asText: Parse = (text) => text;
const asBytes: Parse = (text) => {
  const { buffer, byteOffset, length } = Buffer.from(text.slice(2), "hex");
  return new Uint8Array(buffer, byteOffset, length);
};
const asTime: Parse = (text) => new Date(isoTime(text));

/** PostgreSQL's own form, `2026-01-02 03:04:05.678+00`, as the one of ECMAScript. */
function isoTime(text: string): string {
  return text
    .replace(" ", "T")
    .replace(/(\.\d{3})\d+/, "$1")
    .replace(/([+-]\d\d)$/, "$1:00");
}

/** The types that {@link Sql} names, by PostgreSQL's numbers of them: how their text is read. */
const scalars: readonly (readonly [type: number, array: number, parse: Parse])[] = [
  [16, 1000, (text) => text === "t"],
  [17, 1001, asBytes],
  [20, 1016, asText],
  [21, 1005, Number],
  [23, 1007, Number],
  [25, 1009, asText],
  [26, 1028, Number],
  [114, 199, JSON.parse],
  [700, 1021, Number],
  [701, 1022, Number],
  [1043, 1015, asText],
  [1082, 1182, asText],
  [1114, 1115, asText],
  [1184, 1185, asTime],
  [1700, 1231, asText],
  [2950, 2951, asText],
  [3802, 3807, JSON.parse],
];

/** How the text of a type is read, by its number; all others stay text. */
export const parsers: Readonly<Record<number, Parse>> = Object.fromEntries(
  scalars.flatMap(([type, array, parse]) => [
    [type, parse],
    [array, (text: string) => arrayOf(text, parse)],
  ]),
);

/** How the text of a type is read. */
export function parserOf(type: number): Parse {
  return parsers[type] ?? asText;
}

/** Reads PostgreSQL's text of an array: `{1,NULL,"a, b",{2}}`. */
function arrayOf(text: string, parse: Parse): unknown[] {
  const outermost: unknown[] = [];
  const open: unknown[][] = [outermost];
  // Bounds other than from 1 stand before: `[0:1]={1,2}`.
  const words = text.slice(text.indexOf("{")).matchAll(/[{}]|"((?:[^"\\]|\\.)*)"|[^,{}"]+/gs);
  for (const [word, quoted] of words) {
    if (word === "{") {
      const inner: unknown[] = [];
      open.at(-1)?.push(inner);
      open.push(inner);
    } else if (word === "}") open.pop();
    else if (quoted !== undefined) open.at(-1)?.push(parse(quoted.replace(/\\(.)/gs, "$1")));
    else open.at(-1)?.push(word === "NULL" ? null : parse(word));
  }
  return outermost[0] as unknown[];
}
