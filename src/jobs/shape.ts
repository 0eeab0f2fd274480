import { posix } from "node:path";
import { quoted } from "../diagnostics/index.ts";
import {
  type Fields,
  list,
  made,
  orEmpty,
  type ReadContext,
  record,
  type Shape,
  scalar,
  text,
  type ValueFault,
} from "../schema/index.ts";
import { readSeconds } from "./duration.ts";
import { ExpressionFault, searchFor } from "./expression.ts";
import { repositoryName } from "./repository-url.ts";
import { isVariableOfProw } from "./variables.ts";

/** What is wrong with a path that has to stay in the repository. */
export function pathFault(path: string): string | undefined {
  if (path === "" || /\p{Cc}/u.test(path) || path.includes("\\")) return "expected a path with slashes";
  if (posix.isAbsolute(path) || /^\.\.(?:\/|$)/.test(posix.normalize(path))) {
    return "the path leads out of the repository";
  }
  return undefined;
}

export const path: Shape<string> = text(pathFault);

/** The URL of a repository. */
export const repository: Shape<string> = text((url) => {
  if (repositoryName(url) !== undefined) return undefined;
  return /^\/[\w./-]{1,200}$/.test(url)
    ? `expected the URL of a repository, such as file://${url}`
    : "expected the URL of a repository, without a password";
});

export const line = text((written) =>
  written === "" || /\p{Cc}/u.test(written) ? "expected a text on one line" : undefined,
);

/** A text or a list of texts. */
export function oneOrMore(item: Shape<string>): Shape<readonly string[]> {
  const several = list(item, { takesOne: true, min: 1 });
  return { ...several, editor: { anyOf: [item.editor, several.editor] } };
}

/** One expression or several, which are joined. */
export const expressions = made(oneOrMore(text(emptyFault)), (texts, node, { findings }) => {
  try {
    searchFor(texts);
    return texts;
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error;
    const item = node.kind === "sequence" && error.index !== undefined ? node.items[error.index] : node;
    const message = `it is no regular expression of Go: ${error.message}`;
    findings.report("invalid-value", (item ?? node).start, message);
    return undefined;
  }
});

function emptyFault(written: string): string | undefined {
  return written === "" ? "an empty expression matches everything: leave it out" : undefined;
}

export const expression: Shape<string> = made(
  scalar("one expression", ({ value }) => ({ value }), { type: "string" }),
  (_, node, reading) => expressions.read(node, reading)?.[0],
);

export const seconds: Shape<number> = scalar(
  "a duration",
  ({ value: written }) => {
    const value = readSeconds(written);
    return value === undefined
      ? { fault: "expected a duration", hint: "such as 30m, 4h or 1h30m" }
      : { value };
  },
  { type: "string", pattern: "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$" },
);

export const count: Shape<number> = scalar(
  "a whole number from 1 on",
  ({ value }) =>
    /^[1-9][0-9]{0,5}$/.test(value)
      ? { value: Number(value) }
      : { fault: "expected a whole number from 1 on" },
  { type: "integer", minimum: 1, maximum: 999_999 },
);

/** Variables of an environment and their values. Whether those about a push are set by the run, the kind of the job says. */
export const variables = record(orEmpty(text(), ""), (name): ValueFault | undefined => {
  const fault = isVariableOfProw(name, "periodic")
    ? `the run itself says what ${name} is`
    : variableFault(name);
  return fault === undefined ? undefined : { fault };
});

/** What is wrong with the name of a variable. */
export function variableFault(name: string): string | undefined {
  return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) ? undefined : `${quoted(name)} is no name of a variable`;
}

/** Of two keys, one may be there. */
export function refuseBoth({ known }: Fields, one: string, other: string, { findings }: ReadContext): void {
  const starts = [one, other].flatMap((name) => known.get(name)?.key.start ?? []);
  if (starts.length === 2)
    findings.report("invalid-value", Math.max(...starts), `${one} and ${other} exclude each other`);
}
