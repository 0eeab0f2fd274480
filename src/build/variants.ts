import { closest } from "fastest-levenshtein";
import { LineIndex, parseYaml, type YamlMapping, type YamlNode, YamlSyntaxError } from "../yaml/index.ts";
import { BuildError } from "./errors.ts";
import { readBuildText } from "./read-text.ts";

/** One build of several that a config folder asks for. */
export interface Variant {
  readonly name: string;
  readonly substitutions: Readonly<Record<string, string>>;
}

/** What files of a variant are named after, as image-builder names its logs. */
export function fileNameOf({ name }: Pick<Variant, "name">): string {
  return name.replaceAll("/", "-");
}

/** Variants of one file; known ones have less than thirty. */
const mostVariants = 1000;

/**
 * The variants of a `variants.yaml`, in its order: `{variants: {name: {_KEY: value}}}`, and nothing else, as image-builder
 * reads it. Without the file there is one build, named `build`.
 * @param wanted The name of the only one to build.
 * @throws {BuildError} `variants-invalid` at its place, `unknown-variant`.
 */
export async function readVariants(file: string, wanted?: string): Promise<readonly Variant[]> {
  const text = await readBuildText(file);
  if (text === undefined) {
    if (wanted === undefined) return [{ name: "build", substitutions: {} }];
    throw new BuildError(
      "unknown-variant",
      `no variants.yaml found, but a build variant (${JSON.stringify(wanted)}) was specified`,
      { where: file },
    );
  }
  const variants = parseVariants(text, file);
  if (wanted === undefined) return variants;
  const found = variants.find(({ name }) => name === wanted);
  if (found !== undefined) return [found];
  const names = variants.map(({ name }) => name);
  throw new BuildError(
    "unknown-variant",
    `requested variant ${JSON.stringify(wanted)}, which is not present in variants.yaml`,
    { where: file, hint: names.length === 0 ? undefined : `did you mean ${closest(wanted, names)}?` },
  );
}

function parseVariants(text: string, file: string): Variant[] {
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
  return variants.map(({ key, value }) => ({
    name: key.value,
    substitutions: Object.fromEntries(
      mapping(value, "a mapping of substitutions").entries.map((pair): [string, string] => {
        if (!/^_[A-Z0-9_]+$/.test(pair.key.value)) {
          throw fault(
            pair.key.start,
            `${JSON.stringify(pair.key.value)} is no substitution`,
            "such as _CONFIG",
          );
        }
        if (pair.value.kind !== "scalar") throw fault(pair.value.start, "expected a text");
        return [pair.key.value, pair.value.value];
      }),
    ),
  }));
}

function rootOf(text: string, fault: (offset: number, message: string, hint?: string) => BuildError) {
  try {
    return parseYaml(text).root;
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    throw fault(error.offset, error.message, error.hint);
  }
}
