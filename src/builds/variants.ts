import {
  type Diagnostic,
  type DiagnosticCodes,
  didYouMean,
  Findings,
  inOneError,
  quoted,
} from "../diagnostics/index.ts";
import {
  documentCodes,
  entries,
  mapping,
  orEmpty,
  readDocument,
  required,
  shapeCodes,
  text,
} from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { readBuildText } from "./config-folder.ts";
import { BuildError } from "./errors.ts";

/** One build of several that a config folder asks for. */
export interface Variant {
  readonly name: string;
  /** With the underscore that keys of substitutions begin with. */
  readonly substitutions: Readonly<Record<string, string>>;
}

/** The builds that a config folder asks for, and what somebody should know of how they are written. */
export interface VariantList {
  readonly variants: readonly Variant[];
  readonly notes: readonly string[];
}

/** What files of a variant are named after, as image-builder names its logs. */
export function fileNameOf({ name }: Pick<Variant, "name">): string {
  return name.replaceAll("/", "-");
}

/** Variants of one file; known ones have less than thirty. */
const maxVariants = 1000;

/**
 * The variants of a `variants.yaml`, in its order: `{variants: {name: {KEY: value}}}`, and nothing else, as image-builder
 * reads it. `KEY` becomes `_KEY`; one that begins with an underscore is taken as it is, and that is noted, for image-builder
 * puts another one before it. Without the file there is one build, named `build`.
 * @param wanted The name of the only one to build.
 * @throws {BuildError} `variants-invalid` at its place, `unknown-variant`.
 */
export async function readVariants(file: string, wanted?: string): Promise<VariantList> {
  const written = await readBuildText(file);
  if (written === undefined) {
    if (wanted === undefined) return { variants: [{ name: "build", substitutions: {} }], notes: [] };
    const message = `no variants.yaml found, but a build variant (${JSON.stringify(wanted)}) was specified`;
    throw new BuildError("unknown-variant", message, { where: file });
  }
  const findings = new Findings(written, file, variantsCodes);
  const { variants, notes } = parseVariants(findings);
  if (findings.errors > 0) {
    const { message, where, hint } = inOneError(findings.diagnostics, file);
    throw new BuildError("variants-invalid", message, { where, hint });
  }
  if (wanted === undefined) return { variants, notes };
  const found = variants.find(({ name }) => name === wanted);
  if (found !== undefined) return { variants: [found], notes };
  const names = variants.map(({ name }) => name);
  throw new BuildError(
    "unknown-variant",
    `requested variant ${JSON.stringify(wanted)}, which is not present in variants.yaml`,
    { where: file, hint: didYouMean(wanted, names) },
  );
}

/** Every code that a diagnostic about a `variants.yaml` can have; all are errors. */
export const variantsCodes = { ...documentCodes, ...shapeCodes } as const satisfies DiagnosticCodes;

const substitutions = entries(orEmpty(text(), ""), (key) =>
  /^_*[A-Z0-9][A-Z0-9_]*$/.test(key)
    ? undefined
    : {
        fault: `${quoted(key)} is no substitution`,
        hint: "keys have capital letters, digits and underscores, such as CONFIG for $_CONFIG",
      },
);

const variants = entries(orEmpty(substitutions, []), (name) =>
  /^[^\p{Cc}]{1,100}$/u.test(name) && !/^\.\.?$/.test(name)
    ? undefined
    : { fault: `a variant cannot be named ${quoted(name)}`, hint: "logs and files have its name" },
);

const file = mapping("variants.yaml", { variants: required(variants) });

/** All that is wrong with the text of a `variants.yaml`. @param path how diagnostics name it. */
export function checkVariants(written: string, path: string): readonly Diagnostic[] {
  const findings = new Findings(written, path, variantsCodes);
  parseVariants(findings);
  return findings.diagnostics;
}

/** What a `variants.yaml` says; all that is wrong is among the findings, and then it is not to be used. */
function parseVariants(findings: Findings<keyof typeof variantsCodes>): VariantList {
  const document = readDocument(findings, "put its variants below those of the first");
  if (document === undefined) return { variants: [], notes: [] };
  const { root } = document;
  if (root === undefined) {
    const message =
      "the file is empty; expected variants: with one mapping of substitutions for each variant";
    findings.report("missing-key", 0, message);
    return { variants: [], notes: [] };
  }
  const read = file.read(root, { findings, path: "" })?.variants ?? [];
  if (findings.errors === 0 && (read.length === 0 || read.length > maxVariants)) {
    findings.report("invalid-value", startOfVariants(root), `expected 1 to ${maxVariants} variants`);
  }
  const files = new Map<string, string>();
  const underscored: string[] = [];
  const all = read.map(({ key: { value: name, start }, value: pairs }): Variant => {
    const other = files.get(fileNameOf({ name }));
    if (other !== undefined) {
      const message = `the variants ${other} and ${name} would have one log and one folder of files`;
      findings.report("invalid-value", start, message);
    }
    files.set(fileNameOf({ name }), name);
    const made = new Map<string, string>();
    for (const { key, value } of pairs) {
      const isTaken = key.value.startsWith("_");
      const substitution = isTaken ? key.value : `_${key.value}`;
      if (made.has(substitution)) {
        const message = `$${substitution} has a value already, which is written in the other way`;
        findings.report("duplicate-key", key.start, message);
      }
      if (isTaken) underscored.push(substitution);
      made.set(substitution, value);
    }
    return { name, substitutions: Object.fromEntries(made) };
  });
  return { variants: all, notes: underscoreNotes(underscored) };
}

function startOfVariants(root: YamlNode): number {
  const entry = root.kind === "mapping" ? root.entries[0] : undefined;
  return entry?.value.start ?? root.start;
}

function underscoreNotes([first]: readonly string[]): string[] {
  if (first === undefined) return [];
  return [
    `variants.yaml: the key ${first} is taken as $${first}; image-builder itself makes $_${first} of it, ` +
      `so write ${first.replace(/^_+/, "")}, which both take for $${first}`,
  ];
}
