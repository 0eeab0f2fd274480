import { digestFault, isDigest, parseDigest } from "../../oci/index.ts";
import {
  described,
  type EditorSchema,
  list,
  made,
  type Shape,
  scalar,
  text,
  type ValueFault,
} from "../../schema/index.ts";
import { globFault, type NameGlob } from "../text-pattern.ts";

/** Items of any list: a file with more was made by nobody. */
export const maxItems = 200;

/** A list with at least one item. One with more than {@link maxItems} is wrong, for none of them may be left out. */
export function some<Value>(item: Shape<Value>, description?: string): Shape<readonly Value[]> {
  const shape = made(list(item, { min: 1, takesOne: true }), (values, node, { findings }) => {
    if (values.length <= maxItems) return values;
    findings.report("invalid-value", node.start, `expected ${maxItems} items at most`);
    return undefined;
  });
  const editor: EditorSchema = { anyOf: [item.editor, shape.editor] };
  const read = item.kind === "scalar" ? { ...shape, editor } : shape;
  return description === undefined ? read : described(read, description);
}

/** A text that is not empty, and no longer than anybody writes. */
export function words(description: string, fault?: (text: string) => ValueFault | string | undefined) {
  return text(
    (written) => {
      if (written.trim() === "" || written.length > 2000) return "expected a text of 2000 characters at most";
      return fault?.(written);
    },
    { type: "string", minLength: 1, description },
  );
}

/** A name of a rule or a signer. */
export function nameFault(name: string): ValueFault | undefined {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name)) return undefined;
  return { fault: "a name has letters, digits, dots, dashes and underscores, 64 at most" };
}

/** A glob of repositories or projects. */
export function glob(description: string): Shape<NameGlob> {
  const shape = words(description, (written) => {
    const fault = globFault(written);
    return fault === undefined ? undefined : `no glob: ${fault}`;
  });
  return made(shape, (written) => ({ glob: written }));
}

export const digest = made(
  text((written) => (isDigest(written) ? undefined : digestFault(written)), {
    type: "string",
    pattern: "^sha256:[0-9a-f]{64}$",
  }),
  (written) => parseDigest(written),
);

/** Seconds of `30d`, `12h` or `90m`. */
export const age = scalar(
  "an age such as 30d or 12h",
  ({ value }) => {
    const [, count = "", unit = ""] = /^([1-9][0-9]{0,4})([dhm])$/.exec(value) ?? [];
    const seconds = { d: 86_400, h: 3600, m: 60 }[unit];
    return seconds === undefined
      ? { fault: "expected an age such as 30d or 12h" }
      : { value: Number(count) * seconds };
  },
  {
    type: "string",
    pattern: "^[1-9][0-9]{0,4}[dhm]$",
    description: "How old it may be: 30d, 12h, 90m.",
  },
);

/** A day of the calendar, `2026-12-31`. */
export const day = text(
  (written) => {
    const isDay =
      /^\d{4}-\d{2}-\d{2}$/.test(written) &&
      !Number.isNaN(Date.parse(written)) &&
      new Date(written).toISOString().startsWith(written);
    return isDay ? undefined : { fault: "expected a day such as 2026-12-31" };
  },
  {
    type: "string",
    pattern: "^\\d{4}-\\d{2}-\\d{2}$",
    description: "The last day on which it holds, in UTC.",
  },
);

/** A path of a file or folder, relative to the policy's and not out of its folder. */
export const path = words("A file or folder beside this file.", (written) => {
  const isInside =
    !/^[/\\]|^[a-z]:/i.test(written) &&
    !written.split("/").some((part) => part === ".." || part === "") &&
    !/[\\\p{Cc}]/u.test(written);
  return isInside
    ? undefined
    : { fault: "expected a path below the folder of this file", hint: "such as reports" };
});
