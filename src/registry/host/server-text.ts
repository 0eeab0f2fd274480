import type { Phrase } from "../../errors/index.ts";
import { shownText } from "../../http/index.ts";
import { jsonIn } from "../../oci/index.ts";

/** What a registry says went wrong. */
export interface ServerErrors {
  /** Those of the distribution specification, as far as the answer has its form. */
  readonly codes: readonly string[];
  /** What it says, fit for a message. */
  readonly text: string;
}

/**
 * What the body of an answer says, in whatever form (distribution specification, "Error Codes", and what registries,
 * proxies and web servers say instead), or `undefined` when it says nothing.
 */
export function readServerErrors(body: Uint8Array, secrets: readonly string[]): ServerErrors | undefined {
  const { codes, texts } = wordsOf(body);
  const text = shownText(texts.join("; "), secrets);
  return text === "" ? undefined : { codes, text };
}

/**
 * What a registry says, behind a sentence of ours: its words may name what was asked for, its codes are the same for one
 * cause.
 */
export function saidBehind(errors: ServerErrors | undefined): Phrase {
  if (errors === undefined) return { text: "", pattern: "" };
  return { text: `: ${errors.text}`, pattern: `: ${errors.codes.join(" ")}` };
}

/** Whether an answer says that a TLS port was spoken to in plain HTTP, as Go's and nginx's servers do. */
export function saysPlainHttp(status: number, body: Uint8Array): boolean {
  return (
    status === 400 &&
    /HTTP request (?:was sent )?to (?:an )?HTTPS/i.test(Buffer.from(body).toString("latin1"))
  );
}

/** What stands in the body of an answer that is no success: text of the outside, as it is. */
interface ServerWords {
  /** Codes of the distribution specification, of answers that have its form. */
  readonly codes: readonly string[];
  readonly texts: readonly string[];
}

/** Bytes that are looked at: what is to be said stands at the beginning. */
const most = 64 * 1024;
/** Errors of one answer, and texts of one error, that are shown. */
const maxShown = 3;
const longest = 2_000;
const deepest = 5;

function wordsOf(body: Uint8Array): ServerWords {
  const text = Buffer.from(body.subarray(0, most)).toString("utf8").trim();
  const json = jsonIn(text);
  if (json !== undefined) return jsonWords(json);
  return { codes: [], texts: markupTexts(text) ?? plainTexts(text) };
}

function jsonWords(json: unknown): ServerWords {
  const errors = isObject(json) && Array.isArray(json.errors) ? json.errors.slice(0, 100) : undefined;
  if (errors === undefined || errors.length === 0)
    return { codes: [], texts: textsIn(json).slice(0, maxShown) };
  const codes = errors.flatMap((error: unknown) =>
    isObject(error) ? [typeof error.code === "string" ? error.code.slice(0, 64) : ""] : [],
  );
  return { codes, texts: errors.map(errorText).filter(isSomething).slice(0, maxShown) };
}

/** One error of the specification's form: its code, its message, and what its detail says beyond them. */
function errorText(error: unknown): string {
  if (!isObject(error)) return textsIn(error).join(" ");
  const { code, message, detail, ...others } = error;
  const said = [code, message].filter(isText).map(cut).join(" ").trim();
  const rest = textsIn(said === "" ? { detail, ...others } : { detail });
  const news = rest.filter((text) => !said.includes(text)).slice(0, maxShown);
  if (said === "" || news.length === 0) return `${said}${news.join(", ")}`;
  return `${said} (${news.join(", ")})`;
}

/** Fields whose text speaks for itself, the most telling first. Other fields are shown with their names. */
const speaking = [
  "message",
  "error_description",
  "error",
  "errors",
  "details",
  "detail",
  "reason",
  "description",
  "title",
  "msg",
  "code",
];

/** Fields that say nothing about a failure. */
const idle: ReadonlySet<string> = new Set(["status", "statusCode", "timestamp", "instance", "type", "path"]);

/** The texts of any JSON value, those that speak for themselves before those that need their field's name. */
function textsIn(value: unknown, depth = 0): string[] {
  if (typeof value === "string") return isSomething(value) ? [cut(value.trim())] : [];
  if (typeof value === "number") return [`${value}`];
  if (depth >= deepest) return [];
  if (Array.isArray(value)) return unique(value.slice(0, 10).flatMap((item) => textsIn(item, depth + 1)));
  if (!isObject(value)) return [];
  const spoken = speaking
    .flatMap((name) => textsIn(value[name], depth + 1))
    .filter((text) => !/^\d+$/.test(text));
  const named = Object.entries(value)
    .slice(0, 20)
    .filter(([name, held]) => !speaking.includes(name) && !isIdle(name, held, spoken))
    .flatMap(([name, held]) => textsIn(held, depth + 1).map((text) => `${cut(name)} ${text}`));
  return unique([...spoken, ...named]);
}

/** Of an object that says something, what only repeats the request or the answer's head is left out. */
function isIdle(name: string, value: unknown, spoken: readonly string[]): boolean {
  return typeof value === "boolean" || value === null || (spoken.length > 0 && idle.has(name));
}

/** What a web page or an XML document says: its title and first heading, or code and message of a storage service. */
function markupTexts(text: string): string[] | undefined {
  if (!text.startsWith("<")) return undefined;
  const inside = (name: string): string => {
    const [, found = ""] =
      new RegExp(`<${name}(?:\\s[^>]{0,500})?>([\\s\\S]{0,${longest}}?)</${name}>`, "i").exec(text) ?? [];
    return decoded(found.replaceAll(/<[^>]{0,500}>/g, " "));
  };
  const page = unique([inside("title"), inside("h1")].filter(isSomething));
  const [first, second] = page;
  if (first !== undefined) return second === undefined || first.includes(second) ? [first] : page;
  const document = [inside("code"), inside("message")].filter(isSomething).join(" ");
  if (document !== "") return [document];
  const readable = text.slice(0, 4 * longest).replaceAll(/<(script|style)\b[\s\S]*?<\/\1>/gi, " ");
  const bare = decoded(readable.replaceAll(/<[^>]{0,500}>/g, " "));
  return bare === "" ? [] : [cut(bare)];
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  "#39": "'",
  "#x27": "'",
  "#34": '"',
};

function decoded(text: string): string {
  return text
    .replaceAll(/&(#?\w{1,5});/g, (entity, name: string) => entities[name.toLowerCase()] ?? entity)
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** A text that is meant to be read. Bytes that are no text say nothing. */
function plainTexts(text: string): string[] {
  const beginning = cut(text);
  const strange = beginning.match(/[^\P{Cc}\s]|\uFFFD/gu)?.length ?? 0;
  return beginning === "" || strange * 20 > beginning.length ? [] : [beginning];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isSomething(text: string): boolean {
  return text.trim() !== "";
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function cut(text: string): string {
  return text.slice(0, longest);
}
