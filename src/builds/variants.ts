import { closest } from "fastest-levenshtein";
import { LineIndex } from "../diagnostics/index.ts";
import { isNullScalar, parseYaml, type YamlMapping, type YamlNode, YamlSyntaxError } from "../yaml/index.ts";
import { BuildError } from "./errors.ts";
import { readBuildText } from "./read-text.ts";

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
const mostVariants = 1000;

/**
 * The variants of a `variants.yaml`, in its order: `{variants: {name: {KEY: value}}}`, and nothing else, as image-builder
 * reads it. `KEY` becomes `_KEY`; one that begins with an underscore is taken as it is, and that is noted, for image-builder
 * puts another one before it. Without the file there is one build, named `build`.
 * @param wanted The name of the only one to build.
 * @throws {BuildError} `variants-invalid` at its place, `unknown-variant`.
 */
export async function readVariants(file: string, wanted?: string): Promise<VariantList> {
  const text = await readBuildText(file);
  if (text === undefined) {
    if (wanted === undefined) return { variants: [{ name: "build", substitutions: {} }], notes: [] };
    throw new BuildError(
      "unknown-variant",
      `no variants.yaml found, but a build variant (${JSON.stringify(wanted)}) was specified`,
      { where: file },
    );
  }
  const { variants, notes } = parseVariants(text, file);
  if (wanted === undefined) return { variants, notes };
  const found = variants.find(({ name }) => name === wanted);
  if (found !== undefined) return { variants: [found], notes };
  const names = variants.map(({ name }) => name);
  throw new BuildError(
    "unknown-variant",
    `requested variant ${JSON.stringify(wanted)}, which is not present in variants.yaml`,
    { where: file, hint: names.length === 0 ? undefined : `did you mean ${closest(wanted, names)}?` },
  );
}

function parseVariants(text: string, file: string): VariantList {
  const lines = new LineIndex(text);
  const fault = (offset: number, message: string, hint?: string): BuildError => {
    const { line, column } = lines.at(offset);
    return new BuildError("variants-invalid", message, { where: `${file}:${line}:${column}`, hint });
  };
  const mapping = (node: YamlNode, what: string): YamlMapping => {
    if (node.kind !== "mapping") throw fault(node.start, `expected ${what}`);
    const seen = new Set<string>();
    for (const { key } of node.entries) {
      if (seen.has(key.value)) throw fault(key.start, `the key ${JSON.stringify(key.value)} stands twice`);
      seen.add(key.value);
    }
    return node;
  };
  const root = rootOf(text, fault);
  const shape = "variants: with one mapping of substitutions for each variant";
  if (root === undefined) throw fault(0, `the file is empty; expected ${shape}`);
  const [entry, ...others] = mapping(root, shape).entries;
  const unknown = [entry, ...others].find((one) => one?.key.value !== "variants");
  if (entry === undefined) throw fault(root.start, `expected ${shape}`);
  if (unknown !== undefined) {
    throw fault(unknown.key.start, `unknown key ${JSON.stringify(unknown.key.value)}`, `expected ${shape}`);
  }
  const variants = mapping(entry.value, "a mapping of variants").entries;
  if (variants.length === 0 || variants.length > mostVariants) {
    throw fault(entry.value.start, `expected 1 to ${mostVariants} variants`);
  }
  const files = new Map<string, string>();
  for (const { key } of variants) {
    const { value: name, start } = key;
    if (!/^[^\p{Cc}]{1,100}$/u.test(name) || /^\.\.?$/.test(name)) {
      throw fault(start, `a variant cannot be named ${JSON.stringify(name)}`, "logs and files have its name");
    }
    const other = files.get(fileNameOf({ name }));
    if (other !== undefined) {
      throw fault(start, `the variants ${other} and ${name} would have one log and one folder of files`);
    }
    files.set(fileNameOf({ name }), name);
  }
  const underscored: string[] = [];
  const read = variants.map(({ key, value }): Variant => {
    const pairs = isNullScalar(value) ? [] : mapping(value, "a mapping of substitutions").entries;
    const substitutions = new Map<string, string>();
    for (const { key: written, value: text } of pairs) {
      if (!/^_*[A-Z0-9][A-Z0-9_]*$/.test(written.value)) {
        const hint = "keys have capital letters, digits and underscores, such as CONFIG for $_CONFIG";
        throw fault(written.start, `${JSON.stringify(written.value)} is no substitution`, hint);
      }
      if (text.kind !== "scalar") throw fault(text.start, "expected a text");
      const name = written.value.startsWith("_") ? written.value : `_${written.value}`;
      if (substitutions.has(name)) {
        throw fault(written.start, `$${name} has a value already, which is written in the other way`);
      }
      if (name === written.value) underscored.push(name);
      substitutions.set(name, isNullScalar(text) ? "" : text.value);
    }
    return { name: key.value, substitutions: Object.fromEntries(substitutions) };
  });
  return { variants: read, notes: underscoreNotes(underscored) };
}

function underscoreNotes([first]: readonly string[]): string[] {
  if (first === undefined) return [];
  return [
    `variants.yaml: the key ${first} is taken as $${first}; image-builder itself makes $_${first} of it, ` +
      `so write ${first.replace(/^_+/, "")}, which both take for $${first}`,
  ];
}

function rootOf(text: string, fault: (offset: number, message: string, hint?: string) => BuildError) {
  try {
    const { root, secondDocument } = parseYaml(text);
    if (secondDocument === undefined) return root;
    const hint = "put its variants below those of the first";
    throw fault(secondDocument, "a second document starts here, which nothing would be built of", hint);
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    throw fault(error.offset, error.message, error.hint);
  }
}
