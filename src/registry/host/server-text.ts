import type { Phrase } from "../../errors/index.ts";
import { shownText } from "../../http/index.ts";
import { wordsOf } from "./server-words.ts";

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
