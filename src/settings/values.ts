import { resolve } from "node:path";
import {
  described,
  type EditorSchema,
  integer,
  type Shape,
  scalar,
  text,
  type ValueFault,
} from "../schema/index.ts";
import { formatSize, readByteSize } from "./byte-size.ts";

/** What became of a text: a value, or what is wrong with it. */
type Made<Value> = { readonly value: Value } | ValueFault;

/** A text of the file, made into a value by `read`. */
export function textValue<Value>(read: (text: string) => Made<Value>, editor: EditorSchema): Shape<Value> {
  return scalar("a value", ({ value }) => read(value), editor);
}

/** A text of a form that editors check as well. */
export function textLike(pattern: RegExp, fault: ValueFault, description: string): Shape<string> {
  const editor = { type: "string", pattern: pattern.source, description };
  return text((written) => (pattern.test(written) ? undefined : fault), editor);
}

/** What is wrong with a name that the user gives to one of these. @param what with its article. */
export function nameFault(what: string): (name: string) => ValueFault | undefined {
  const fault = `${what} is named by lower case letters, digits, dots and dashes, 64 at most`;
  return (name) => (/^[a-z0-9][a-z0-9.-]{0,63}$/.test(name) ? undefined : { fault });
}

/** `true` or `false`: nothing else that YAML 1.1 has for them. */
export function flag(description: string): Shape<boolean> {
  return textValue(
    (text) =>
      text === "true" || text === "false" ? { value: text === "true" } : { fault: "expected true or false" },
    { type: "boolean", description },
  );
}

/** A whole number between two bounds, both included. */
export function count(minimum: number, maximum: number, description: string): Shape<number> {
  return described(integer(minimum, maximum), description);
}

/** A number that may have decimals, above 0 and at most `maximum`. */
export function rate(maximum: number, description: string) {
  return textValue(
    (text): Made<number> => {
      const value = /^[0-9]{1,9}(?:\.[0-9]{1,6})?$/.test(text) ? Number(text) : Number.NaN;
      if (value > 0 && value <= maximum) return { value };
      return { fault: `expected a number above 0, at most ${maximum}` };
    },
    { type: "number", exclusiveMinimum: 0, maximum, description },
  );
}

/** A number of bytes, such as `16MiB`, `500 KB` or `1048576`, between two bounds. */
export function byteSize(minimum: number, maximum: number, description: string) {
  return textValue(
    (text): Made<number> => {
      const value = readByteSize(text);
      if (value === undefined) return { fault: "expected a size such as 16MiB" };
      if (value >= minimum && value <= maximum) return { value };
      return { fault: `expected a size from ${formatSize(minimum)} to ${formatSize(maximum)}` };
    },
    {
      type: ["string", "integer"],
      pattern: "^[0-9]{1,15} ?(B|kB|KB|MB|GB|KiB|MiB|GiB)?$",
      minimum,
      maximum,
      description,
    },
  );
}

/** A file or folder, made absolute from the folder of the settings file. */
export function filePath(folder: string, description: string) {
  return textValue((text) => readPath(folder, text), { type: "string", minLength: 1, description });
}

/** The absolute path that a text of the settings file stands for. */
export function readPath(folder: string, text: string): Made<string> {
  if (text === "") return { fault: "expected a path" };
  if (text === "~" || text.startsWith("~/")) {
    return {
      fault: "~ is not expanded here",
      hint: "write the path out, or relative to the settings file's folder",
    };
  }
  return { value: resolve(folder, text) };
}
