import { nearest, printable, quoted, type TextPosition } from "../diagnostics/index.ts";
import { applyExpansion, type Expansion, mayLackValue } from "./expansion.ts";
import type { CloudBuildOptions, CloudBuildText } from "./file.ts";
import type { CloudBuildFindings } from "./findings.ts";
import { builtInKeys, maxValueLength } from "./keys.ts";
import { type Piece, takeApart } from "./template.ts";

/** A value that is at hand for a key. */
export interface SubstitutionValue extends CloudBuildText {
  /** Built-in values are what they are, whatever signs they hold. */
  readonly isBuiltIn: boolean;
}

/** Characters that substitutions may add up to, and steps that expansions may take: a file is not to eat the machine. */
const maxCharacters = 16 * 1024 * 1024;
const maxWork = 200_000_000;
const deepest = 20;

/** Makes the substitutions of one build, and remembers which values were asked for. */
export class Substitution {
  readonly #values: ReadonlyMap<string, SubstitutionValue>;
  readonly #options: Pick<CloudBuildOptions, "dynamicSubstitutions" | "substitutionOption">;
  readonly #findings: CloudBuildFindings;
  readonly #making: string[] = [];
  /** Every value that is at hand, with its own references made. */
  readonly values = new Map<string, string>();
  readonly used = new Set<string>();
  #characters = 0;
  #work = 0;
  #isExhausted = false;

  constructor(
    values: ReadonlyMap<string, SubstitutionValue>,
    options: Pick<CloudBuildOptions, "dynamicSubstitutions" | "substitutionOption">,
    findings: CloudBuildFindings,
  ) {
    this.#values = values;
    this.#options = options;
    this.#findings = findings;
    for (const key of values.keys()) this.#value(key);
  }

  /** A text with its references made. What is wrong with them is among the findings. */
  make(text: CloudBuildText): string {
    return text.value.includes("$")
      ? this.#expand(text.value, (dollar) => text.dollars?.[dollar] ?? text.at, 0)
      : text.value;
  }

  #expand(template: string, placeOf: (dollar: number) => TextPosition, depth: number): string {
    let made = "";
    for (const piece of takeApart(template, this.#options.dynamicSubstitutions)) {
      const part = piece.kind === "text" ? piece.text : this.#piece(piece, placeOf(piece.dollar), depth);
      this.#characters += part.length;
      if (this.#characters > maxCharacters) return this.#exhausted(placeOf(0));
      made += part;
    }
    return made;
  }

  #piece(piece: Exclude<Piece, { kind: "text" }>, at: TextPosition, depth: number): string {
    const { key } = piece;
    if (piece.kind === "leftover") {
      this.#leftover(key, at);
      return piece.text;
    }
    if (!this.#isKnown(key, at, piece.expansion)) return "";
    this.used.add(key);
    const value = this.#value(key);
    return piece.expansion === undefined
      ? (value ?? "")
      : this.#parameter(key, piece.expansion, value, at, depth);
  }

  /** Whether a key may have no value; if not, that is said. */
  #isKnown(key: string, at: TextPosition, expansion: Expansion | undefined): boolean {
    if (this.#values.has(key)) return true;
    const isUsers = key.startsWith("_");
    if (!isUsers && builtInKeys.includes(key)) return true;
    // A word that stands in for no value says that there may be none. Whether the hosted service agrees is a guess.
    const mayLack = expansion !== undefined && mayLackValue(expansion);
    if (isUsers && (mayLack || this.#options.substitutionOption !== "MUST_MATCH")) return true;
    if (isUsers) this.#reportMissing(key, at);
    else this.#reportUnknown(key, at);
    return false;
  }

  #reportUnknown(key: string, at: TextPosition): void {
    const near = this.#findings.isFull ? undefined : nearest(key, builtInKeys);
    const shell = `write $$${printable(key, 60)} for a variable of the shell`;
    const own = "substitutions of your own begin with an underscore";
    const hint = near === undefined ? `${shell}; ${own}` : `did you mean $${near}? ${shell}`;
    const message = `key in the template ${quoted(key)} is not a valid built-in substitution`;
    this.#findings.report("unknown-built-in", at, message, hint);
  }

  #reportMissing(key: string, at: TextPosition): void {
    const users = this.#findings.isFull ? [] : [...this.#values].filter(([known]) => known.startsWith("_"));
    const near = nearest(
      key,
      users.map(([known]) => known),
    );
    const data = users.sort(([one], [other]) => (one < other ? -1 : 1));
    const shown = printable(
      `map[${data.map(([known, { value }]) => `${known}:${value.slice(0, 60)}`).join(" ")}]`,
    );
    const message = `key in the template ${quoted(key)} is not matched in the substitution data; substitutions = ${shown}`;
    const remedy = "give it a value under substitutions, or set options.substitutionOption to ALLOW_LOOSE";
    this.#findings.report("no-value", at, message, near === undefined ? remedy : `did you mean $${near}?`);
  }

  #leftover(key: string, at: TextPosition): void {
    if (this.#options.dynamicSubstitutions) {
      const message = `the parameter expansion of ${quoted(key)} is not understood`;
      this.#findings.report(
        "expansion",
        at,
        message,
        `write $$\{${printable(key, 60)}… for one of the shell's`,
      );
    } else if (this.#values.has(key)) {
      const message = `\${${printable(key, 60)}…} stays as it is: parameter expansions need dynamic substitutions`;
      this.#findings.report("expansion", at, message, "set options.dynamicSubstitutions to true", {
        severity: "warning",
      });
    }
  }

  #parameter(
    key: string,
    expansion: Expansion,
    value: string | undefined,
    at: TextPosition,
    depth: number,
  ): string {
    if (depth >= deepest) {
      this.#findings.report("expansion", at, `expansions within expansions, more than ${deepest} deep`);
      return "";
    }
    const made = applyExpansion(expansion, value, (word) => {
      const expanded = this.#expand(word, () => at, depth + 1);
      this.#work += (expanded.length + 1) * ((value?.length ?? 0) + 1);
      return this.#work > maxWork ? this.#exhausted(at) : expanded;
    });
    if (typeof made === "string") return made;
    const message = `the parameter expansion of ${quoted(key)} cannot be made: ${printable(made.fault)}`;
    this.#findings.report("expansion", at, message);
    return "";
  }

  /** A value with its references made, once. */
  #value(key: string): string | undefined {
    const given = this.#values.get(key);
    const known = this.values.get(key);
    if (given === undefined || known !== undefined) return known;
    if (!this.#options.dynamicSubstitutions || given.isBuiltIn) {
      this.values.set(key, given.value);
      return given.value;
    }
    const circle = this.#making.indexOf(key);
    if (circle >= 0) {
      const chain = [...this.#making.slice(circle), key].join(" → ");
      const message = `substitutions refer to each other: ${printable(chain)}`;
      this.#findings.report("cycle", given.at, message, "give one of them a value of its own");
      return "";
    }
    this.#making.push(key);
    const made = this.make(given);
    this.#making.pop();
    this.values.set(key, made);
    if (made.length > maxValueLength) {
      this.#findings.report(
        "limit",
        given.at,
        `the value of ${printable(key)} has more than ${maxValueLength} characters with its references made`,
      );
      this.values.set(key, made.slice(0, maxValueLength));
    }
    return this.values.get(key);
  }

  #exhausted(at: TextPosition): string {
    if (!this.#isExhausted)
      this.#findings.report(
        "limit",
        at,
        "the substitutions of this file take more than they may",
        "make them shorter",
      );
    this.#isExhausted = true;
    return "";
  }
}
