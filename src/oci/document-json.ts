import type { $ZodErrorMap } from "zod/v4/core";
import en from "zod/v4/locales/en.js";
import { OciError, type OciErrorCode } from "./errors.ts";
import { limits } from "./limits.ts";

/** The fields that objects at one place of a manifest have, and what stands below them. */
interface Shape {
  /** The fields' names, each in any case. */
  readonly names: RegExp;
  readonly fields: ReadonlySet<string>;
  /** What the objects in a field are, by the field's name; all others may have any keys. */
  readonly below: ReadonlyMap<string, Shape>;
}

interface Open {
  readonly isObject: boolean;
  readonly shape: Shape | undefined;
  /** Fields that an object of some shape has had so far. */
  readonly seen: Set<string> | undefined;
}

/**
 * The JSON of an image manifest, when all who read it read the same. Go, which most of those who pull are written in,
 * takes a key for a field whatever its case (also `ſ` for `s` and the Kelvin sign for `k`), lets the last of two keys
 * count or puts them together, and fails for a size that is not written as a whole number; others do not. Keys that
 * name no field, such as those of annotations, may be anything.
 * @throws {OciError} `ambiguous-json`, `too-large` for what is nested too deep, or `invalid-image-manifest` for what
 * is no JSON in UTF-8; a byte order mark is none of it.
 */
export function parseDocumentJson(bytes: Uint8Array, where: string): unknown {
  let text: string;
  let json: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    json = JSON.parse(text);
  } catch (cause) {
    const message = "the document is not JSON in UTF-8";
    throw new OciError("invalid-image-manifest", message, { where, hint: rebuild, cause });
  }
  refuseAmbiguity(text, where);
  return json;
}

/** A text as JSON, or `undefined` when it is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How a schema says what is wrong, where that is told: without it, it only says that something is. */
export const english: { readonly error: $ZodErrorMap } = { error: (issue) => en().localeError(issue) };

const rebuild = "whoever built the image has to build it again, with another tool";

function shape(fields: readonly string[], below: readonly (readonly [string, Shape])[] = []): Shape {
  const alternatives = fields.map((field) => field.replaceAll(".", "\\.")).join("|");
  // Unicode's simple case folding, which is what the flags i and u mean together, is Go's.
  return { names: new RegExp(`^(?:${alternatives})$`, "iu"), fields: new Set(fields), below: new Map(below) };
}

const platform = shape(["architecture", "os", "os.version", "os.features", "variant", "features"]);
const descriptor = shape(
  ["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"],
  [["platform", platform]],
);
const described = ["config", "layers", "manifests", "subject", "blobs"];
/** Manifests and indexes together: which of them a document is depends on its fields. */
const document = shape(
  [...["schemaVersion", "mediaType", "artifactType", "annotations", "fsLayers", "history"], ...described],
  described.map((field) => [field, descriptor]),
);
const wholeNumbers: ReadonlySet<string> = new Set(["schemaVersion", "size"]);

/** Goes once through text that is known to be JSON. */
function refuseAmbiguity(text: string, where: string): void {
  const refuse = (code: OciErrorCode, message: string): never => {
    throw new OciError(code, message, { where, hint: rebuild });
  };
  const open: Open[] = [];
  let key = "";
  let isKeyNext = false;

  const begin = (isObject: boolean): void => {
    if (open.length === limits.jsonDepth)
      refuse("too-large", `the document is nested more than ${limits.jsonDepth} deep`);
    const around = open.at(-1);
    const inside = around?.isObject ? around.shape?.below.get(key) : around?.shape;
    const own = around === undefined ? document : inside;
    open.push({ isObject, shape: own, seen: isObject && own !== undefined ? new Set() : undefined });
    isKeyNext = isObject;
  };
  const name = (written: string): void => {
    key = written.includes("\\") ? String(JSON.parse(written)) : written.slice(1, -1);
    const inside = open.at(-1);
    if (inside?.seen === undefined || !inside.shape?.names.test(key)) return;
    const shown = JSON.stringify(key);
    if (!inside.shape.fields.has(key)) {
      refuse("ambiguous-json", `the key ${shown} is a field for some of those who read it, for others not`);
    }
    if (inside.seen.has(key)) {
      refuse("ambiguous-json", `the key ${shown} is there twice: not all who read it take the same one`);
    }
    inside.seen.add(key);
  };

  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      if (isKeyNext) name(text.slice(at, end + 1));
      isKeyNext = false;
      at = end;
    } else if (character === "{" || character === "[") begin(character === "{");
    else if (character === "}" || character === "]") {
      open.pop();
      isKeyNext = false;
    } else if (character === ",") isKeyNext = open.at(-1)?.isObject === true;
    else if ((character === "." || character === "e" || character === "E") && isWhole(open.at(-1), key)) {
      if (/[0-9]/.test(text[at - 1] ?? "")) {
        refuse("invalid-image-manifest", `the number in ${key} is not written as a whole one`);
      }
    }
  }
}

/** Whether Go reads the value of a key as a whole number. */
function isWhole(inside: Open | undefined, key: string): boolean {
  return inside?.isObject === true && inside.shape?.fields.has(key) === true && wholeNumbers.has(key);
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}
