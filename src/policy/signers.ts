import { printable } from "../diagnostics/index.ts";
import type { SignedBy } from "../sigstore/index.ts";
import type { SignerPattern } from "./rule.ts";
import { expressionFault, fitsText } from "./text-pattern.ts";

/** Whether a signature that was verified is by such a signer. */
export function isBy(pattern: SignerPattern, by: SignedBy): boolean {
  if (pattern.kind === "key")
    return by.kind === "key" && pattern.fingerprint !== undefined && by.fingerprint === pattern.fingerprint;
  return (
    by.kind === "certificate" &&
    fitsText(pattern.issuer, by.issuer) &&
    fitsText(pattern.identity, by.identity)
  );
}

/** What tells a signer from others: a key or an identity, whatever it is called. */
export function signerId(by: SignedBy): string {
  return by.kind === "key" ? by.fingerprint : JSON.stringify([by.issuer, by.identity]);
}

/** A signer in words. */
export function signerWords(by: SignedBy): string {
  if (by.kind === "certificate") return `${printable(by.identity)} (${printable(by.issuer)})`;
  return by.name === undefined ? `the key ${by.fingerprint.slice(0, 12)}…` : `the key ${printable(by.name)}`;
}

/**
 * A signer as promoter manifests write it: `sigstore::ISSUER::IDENTITY`, compared exactly, or
 * `sigstore(identityMatch=regex)::ISSUER::EXPRESSION`, where the identity as a whole has to fit the expression.
 */
export function signerOfSpec(spec: string): SignerPattern | { readonly fault: string } {
  const [, how, issuer = "", identity = ""] =
    /^sigstore(\(identityMatch=regex\))?::(.+?)::(.+)$/s.exec(spec) ?? [];
  if (issuer === "" || identity === "")
    return {
      fault: "a signer is sigstore::ISSUER::IDENTITY, or sigstore(identityMatch=regex)::ISSUER::EXPRESSION",
    };
  if (how === undefined)
    return { kind: "identity", identity: { exact: identity }, issuer: { exact: issuer } };
  const fault = expressionFault(identity);
  if (fault !== undefined) return { fault: `the expression of the identity is none of RE2: ${fault}` };
  return { kind: "identity", identity: { expression: identity }, issuer: { exact: issuer } };
}
