import { messageOf } from "../errors/index.ts";
import type { SignatureState } from "./model.ts";

type Refused = Extract<SignatureState, { readonly state: "failed" | "unverifiable" }>;

/** Why a signature is not believed; thrown within this room alone, and turned into a state at its door. */
export class SignatureRefusal extends Error {
  override readonly name = "SignatureRefusal";
  readonly refused: Refused;

  constructor(refused: Refused) {
    super(refused.why);
    this.refused = refused;
  }
}

/** It claims what is not true, or is not what it should be. */
export function failed(why: string): SignatureRefusal {
  return new SignatureRefusal({ state: "failed", why });
}

/** It may be true, and here is nothing to find that out with. */
export function unverifiable(
  why: string,
  lacks: "key" | "trusted-root" | "format" | "room",
): SignatureRefusal {
  return new SignatureRefusal({ state: "unverifiable", why, lacks });
}

/** What the library says in its own words, by its codes. */
const sentences: Readonly<Record<string, string>> = {
  TIMESTAMP_ERROR: "its timestamp is not true",
  CERTIFICATE_ERROR: "its certificate is not true",
  PUBLIC_KEY_ERROR: "its key cannot be used",
  SIGNATURE_ERROR: "its signature is not that of its key over what is signed",
  TLOG_ERROR: "it is in no log",
  TLOG_BODY_ERROR: "the entry of the log is about something else",
  TLOG_INCLUSION_PROOF_ERROR: "the log does not prove that it holds the entry",
  TLOG_INCLUSION_PROMISE_ERROR: "the log did not promise the entry as it is",
  TLOG_MISSING_INCLUSION_ERROR: "nothing proves that the log holds the entry",
};
const maxWords = 300;

/** Anything that was thrown while a signature was verified: whatever it is, the signature is not believed. */
export function refusedBy(thrown: unknown): Refused {
  if (thrown instanceof SignatureRefusal) return thrown.refused;
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const sentence = sentences[code] ?? "it is not what it should be";
  return { state: "failed", why: `${sentence}: ${messageOf(thrown).slice(0, maxWords)}` };
}
