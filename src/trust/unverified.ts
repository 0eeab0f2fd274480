import type { Digest } from "../oci/index.ts";
import type { SignatureReading, SignatureVerifier, SignedStatement } from "../sigstore/index.ts";
import { enclosedStatement, isAbout, simpleStatement } from "./statement.ts";

/**
 * A verifier that has neither keys nor a trusted root: it reads what signatures say, and calls none of them verified. What is
 * about something else is false whoever signed it.
 */
export const noVerifier: SignatureVerifier = {
  bundle: async (bytes, subject) => read(enclosedStatement(bytes), subject),
  simpleSigning: async (payload, _annotations, subject) => read(simpleStatement(payload), subject),
  envelope: async (bytes, _annotations, subject) => read(enclosedStatement(bytes), subject),
};

function read(statement: SignedStatement | undefined, subject: Digest): SignatureReading {
  if (statement !== undefined && !isAbout(statement, subject)) {
    return { signature: { state: "failed", why: "it is about something else" }, statement };
  }
  return { signature: { state: "unverifiable", why: "no key and no trusted root is given" }, statement };
}
