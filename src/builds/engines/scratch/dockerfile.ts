import { BuildError } from "../../errors.ts";

/** A line of a Dockerfile, continued ones joined: its word in capitals, and what stands behind it. */
export interface Instruction {
  readonly word: string;
  readonly rest: string;
  /** Counted from 1. */
  readonly line: number;
}

/** What needs no program: everything that only copies, and says what the image is. */
const understood = new Set([
  ...["FROM", "ARG", "ENV", "LABEL", "COPY", "WORKDIR", "USER", "EXPOSE", "ENTRYPOINT", "CMD"],
]);

/**
 * The instructions of a Dockerfile that begins with nothing and runs nothing.
 * @throws {BuildError} `engine-failed` at the first line that needs more than that.
 */
export function readDockerfile(text: string, where: string): readonly Instruction[] {
  const instructions: Instruction[] = [];
  let held: { text: string; line: number } | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    if (/^\s*#/.test(raw)) {
      if (/^\s*#\s*escape\s*=/i.test(raw)) throw refused(where, line, "another sign that escapes");
      continue;
    }
    if (raw.trim() === "") continue;
    const whole = `${held?.text ?? ""}${raw.trim()}`;
    const start = held?.line ?? line;
    held = whole.endsWith("\\") ? { text: whole.slice(0, -1), line: start } : undefined;
    if (held === undefined) instructions.push(instructionOf(whole, start, where));
  }
  if (held !== undefined) instructions.push(instructionOf(held.text, held.line, where));
  const [first, ...others] = instructions.filter(({ word }) => word !== "ARG");
  if (first?.word !== "FROM" || first.rest.toLowerCase() !== "scratch") {
    throw refused(where, first?.line ?? 1, "a beginning other than FROM scratch");
  }
  const second = others.find(({ word }) => word === "FROM");
  if (second !== undefined) throw refused(where, second.line, "a second FROM");
  return instructions;
}

function instructionOf(text: string, line: number, where: string): Instruction {
  const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
  const known = word.toUpperCase();
  if (understood.has(known)) return { word: known, rest: rest.trim(), line };
  throw refused(where, line, known === "RUN" ? "RUN, which needs a program that runs it" : word.slice(0, 40));
}

/** Says that a Dockerfile wants what is done by a program alone. */
export function refused(where: string, line: number, what: string): BuildError {
  return new BuildError("engine-failed", `the engine scratch does not do ${what}`, {
    where: `${where}:${line}`,
    hint: "it copies files into an image that begins with nothing; docker, podman and buildah do the rest",
  });
}

/** Replaces `$NAME` and `${NAME}`; what nobody has named is empty, as in docker. */
export function substituted(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(
    /\\\$|\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g,
    (found, braced?: string, bare?: string) => {
      const name = braced ?? bare;
      return name === undefined ? found.slice(1) : (values.get(name) ?? "");
    },
  );
}

/** Words apart by spaces, where `"` and `'` hold some together. */
export function wordsOf(text: string): readonly string[] {
  const words = text.matchAll(/(?:[^\s"']+|"(?:[^"\\]|\\.)*"|'[^']*')+/g);
  return Array.from(words, ([word]) =>
    word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, double?: string, single?: string) =>
      double === undefined ? (single ?? "") : double.replace(/\\(["\\])/g, "$1"),
    ),
  );
}

/** Pairs as `NAME=value NAME=value`, or one as `NAME value`. */
export function pairsOf(text: string): readonly (readonly [name: string, value: string])[] {
  const words = wordsOf(text);
  const [first = ""] = words;
  if (!first.includes("=")) return first === "" ? [] : [[first, text.slice(first.length).trim()]];
  return words.map((word) => {
    const at = word.indexOf("=");
    return at < 0 ? ([word, ""] as const) : ([word.slice(0, at), word.slice(at + 1)] as const);
  });
}
