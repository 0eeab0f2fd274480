import { type Masker, maskSecrets } from "./masking.ts";

/** Hides the secrets of a run, wherever something of it is shown or recorded. */
export interface HiddenSecrets {
  /** For one stream of output, which may break a secret anywhere. */
  stream(): Masker;
  text(text: string): string;
  /** For plain data: every text in it, but no key. */
  document<Document>(document: Document): Document;
}

const untouched: Masker = { mask: (chunk) => chunk, flush: () => new Uint8Array() };

/** Hides these values; without any, nothing is looked at. */
export function hideSecrets(values: readonly string[]): HiddenSecrets {
  if (values.length === 0) {
    return { stream: () => untouched, text: (text) => text, document: (document) => document };
  }
  const masker = maskSecrets(values);
  const text = (whole: string): string =>
    Buffer.concat([masker.mask(Buffer.from(whole)), masker.flush()]).toString("utf8");
  const hide = (value: unknown): unknown => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return value.map(hide);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, hide(one)]));
  };
  return {
    stream: () => maskSecrets(values),
    text,
    document: <Document>(document: Document) => hide(document) as Document,
  };
}
