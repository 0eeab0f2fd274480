import { dirname, resolve } from "node:path";
import { closest, distance } from "fastest-levenshtein";
import { z } from "zod";
import { LineIndex } from "../diagnostics/index.ts";
import { errorCodeOf, readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { parseYaml, type YamlDocument, YamlSyntaxError } from "../yaml/index.ts";
import { type PlainDocument, plainDocument } from "./document.ts";
import { invalidSettings, SettingsError, type SettingsProblem } from "./errors.ts";
import {
  type CredentialRule,
  type DestinationSet,
  defaultSettings,
  type HostSettings,
  type Settings,
} from "./model.ts";
import { issueParams, settingsSchema } from "./schema.ts";

const longestFile = 1024 * 1024;

/**
 * The settings of a `waybill.yaml`; of none, the defaults, so that `readSettings(await findSettings(…))` is all
 * there is to it. Relative paths in the file start from its folder.
 * @throws {SettingsError} `settings-unreadable`, or `settings-invalid` with every problem and its place.
 */
export async function readSettings(file: string | undefined): Promise<Settings> {
  if (file === undefined) return defaultSettings;
  return parseSettings(await readText(file), file);
}

/** {@link readSettings} for a text that is at hand; `file` names it in messages and is where its paths start. */
export function parseSettings(text: string, file: string): Settings {
  const lines = new LineIndex(text);
  const { root, secondDocument } = parseDocument(text, file, lines);
  if (secondDocument !== undefined) {
    const message = "a second document starts here; a settings file has one";
    throw invalidSettings(file, [{ at: lines.at(secondDocument), message }]);
  }
  if (root === undefined) return defaultSettings;
  const document = plainDocument(root);
  const schema = settingsSchema(dirname(resolve(file)));
  const parsed = schema.safeParse(document.value, { error: describe });
  const faults = [...repeatedKeys(document), ...schemaFaults(parsed.error, schema, document)];
  if (!parsed.success || faults.length > 0) {
    const ordered = faults.sort((one, other) => one.offset - other.offset);
    throw invalidSettings(
      file,
      ordered.map(({ offset, ...fault }) => ({ at: lines.at(offset), ...fault })),
    );
  }
  const { hosts = {}, locations = [], credentials = [], forges = {}, releases = {} } = parsed.data;
  const { destinations = {} } = parsed.data;
  return {
    hosts: Object.fromEntries(Object.entries(hosts).map(([host, entry]) => [host, hostSettings(entry)])),
    locations,
    credentials: credentials.map((rule, index): CredentialRule => {
      const { line } = lines.at(document.offsetOf(["credentials", index]));
      return { ...rule, where: `${file}:${line}` };
    }),
    forges,
    releases,
    destinations: Object.fromEntries(
      Object.entries(destinations).map(([name, set]) => [name, destinationSet(set)]),
    ),
  };
}

type Parsed = z.output<ReturnType<typeof settingsSchema>>;

function destinationSet(set: NonNullable<Parsed["destinations"]>[string]): DestinationSet {
  const { registries, ...naming } = Array.isArray(set) ? { registries: set } : set;
  return {
    ...naming,
    registries: registries.map((entry) => (typeof entry === "string" ? { name: entry } : entry)),
  };
}

type ParsedHost = NonNullable<Parsed["hosts"]>[string];

function hostSettings({ chunkSize, ...entry }: ParsedHost): HostSettings {
  return chunkSize === undefined ? entry : { ...entry, chunkBytes: chunkSize };
}

async function readText(file: string): Promise<string> {
  const unreadable = (message: string, cause: unknown) =>
    new SettingsError("settings-unreadable", message, { where: file, cause });
  let bytes: Buffer;
  try {
    bytes = (await readNamed(file, longestFile)).bytes;
  } catch (cause) {
    const code = errorCodeOf(cause);
    if (code === "ENOENT") throw unreadable("the settings file does not exist", cause);
    if (code === "EFBIG") throw unreadable(`the settings file has more than ${longestFile} bytes`, cause);
    throw unreadable(`the settings file cannot be read: ${messageOf(cause)}`, cause);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable("the settings file is not UTF-8", cause);
  }
}

function parseDocument(text: string, file: string, lines: LineIndex): YamlDocument {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    const problem = { at: lines.at(error.offset), message: error.message };
    throw invalidSettings(file, [error.hint === undefined ? problem : { ...problem, hint: error.hint }]);
  }
}

/** A problem, with the offset where it shows. */
type Fault = Omit<SettingsProblem, "at"> & { readonly offset: number };

function repeatedKeys(document: PlainDocument): Fault[] {
  return document.repeated.map(({ key, offset }) => ({
    offset,
    message: `the key ${JSON.stringify(key)} stands here a second time`,
  }));
}

function schemaFaults(error: z.ZodError | undefined, schema: z.ZodType, document: PlainDocument): Fault[] {
  return (error?.issues ?? []).flatMap(issuesOf).flatMap((issue): Fault[] => {
    if (issue.code === "unrecognized_keys") {
      const known = keysAt(schema, issue.path);
      return issue.keys.map((key) => ({
        offset: document.offsetOf([...issue.path, key], true),
        ...unknownKey(key, known),
      }));
    }
    const params = issue.code === "custom" ? issueParams.safeParse(issue.params).data : undefined;
    return [
      {
        offset: document.offsetOf(issue.path, params?.key),
        message: issue.message,
        ...(params?.hint === undefined ? {} : { hint: params.hint }),
      },
    ];
  });
}

/** What is amiss with a value that may have several shapes: as the shape that it was meant to have sees it. */
function issuesOf(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const isOther = ({ code, path }: z.core.$ZodIssue) => code === "invalid_type" && path.length === 0;
  const meant = issue.errors.find((issues) => !issues.some(isOther));
  const inside = (meant ?? []).map((found) => ({ ...found, path: [...issue.path, ...found.path] }));
  return inside.length === 0 ? [issue] : inside.flatMap(issuesOf);
}

/** Says in our words what is amiss when a value has the wrong shape or is missing. */
function describe(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_union") {
    const shapes = issue.errors.map(([first]) => first?.code === "invalid_type" && shapeName(first.expected));
    return `expected ${shapes.filter((shape) => shape !== false).join(" or ")}`;
  }
  if (issue.code !== "invalid_type") return undefined;
  const last = issue.path?.at(-1);
  if (issue.input === undefined && typeof last === "string") return `${last} is missing`;
  const expected = shapeName(issue.expected);
  return issue.input === null ? `expected ${expected}, found nothing` : `expected ${expected}`;
}

function shapeName(expected: string): string {
  return expected === "array" ? "a list" : expected === "string" ? "a value" : "a mapping";
}

function unknownKey(key: string, known: readonly string[]): Pick<Fault, "message" | "hint"> {
  if (/pass|secret|token|auth|credential/i.test(key) && known.includes("passwordFile")) {
    return {
      message: `no secret may stand in this file, and ${JSON.stringify(key.slice(0, 40))} looks like one`,
      hint: "keep it in a file and name that with passwordFile, or in a variable and name that with passwordEnv",
    };
  }
  const near = known.length === 0 ? undefined : closest(key, known);
  const message = `unknown key ${JSON.stringify(key.slice(0, 40))}`;
  if (near !== undefined && distance(key, near) <= 1 + near.length / 4)
    return { message, hint: `did you mean ${near}?` };
  return { message, hint: `known here: ${known.join(", ")}` };
}

/** The keys that the schema knows at a path. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = schema;
  for (const step of [...path, undefined]) {
    if (at instanceof z.ZodExactOptional) at = at.unwrap();
    if (at instanceof z.ZodUnion) at = shapeFor(at, step);
    if (step === undefined) break;
    if (at instanceof z.ZodRecord) at = at.valueType;
    else if (at instanceof z.ZodArray) at = at.element;
    else if (at instanceof z.ZodObject) at = at.shape[String(step)];
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** Of several shapes, the one that a step goes on in: a list for a number, a mapping for a key and for the end. */
function shapeFor({ options }: z.ZodUnion, step: PropertyKey | undefined): unknown {
  return options.find((shape) =>
    typeof step === "number" ? shape instanceof z.ZodArray : shape instanceof z.ZodObject,
  );
}
