import type { SignedBy } from "../sigstore/index.ts";
import { isSource } from "../slsa/index.ts";

const githubIssuer = "https://token.actions.githubusercontent.com";
const generators = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/";
const observer = "https://github.com/slsa-framework/actions/.github/workflows/attest_actions.yml";

/**
 * Why provenance was not signed by the builder that it names, where that can be known: a certificate of GitHub's names the
 * workflow that ran, so one workflow cannot claim to be another. What SLSA's verifier knows of builders (its
 * `docs/builder-registry.md`): generators sign at releases alone, delegators sign for builders of others, and the attester of
 * SLSA's says in its certificate whom it has watched.
 * @param source Where the policy expects the source, which the certificate has to name where it names one.
 */
export function bindingFault(builder: string, by: SignedBy, source: string): string | undefined {
  if (by.kind !== "certificate" || by.issuer !== githubIssuer)
    return builder.startsWith("https://github.com/")
      ? "the builder is a workflow of GitHub's, and something else has signed"
      : undefined;
  const signer = split(by.identity);
  if (signer.base.startsWith(generators) && !/^refs\/tags\/v\d+\.\d+\.\d+$/.test(signer.revision))
    return "a generator of SLSA's signed at a revision that is no release";
  const named = split(builder);
  const isDelegator = signer.base.startsWith(`${generators}delegator_`);
  if (!isDelegator) {
    const ran = signer.base === observer ? split(by.claims.buildConfig ?? "") : signer;
    if (named.base !== ran.base) return "another workflow has signed than the builder that it names";
    const isComparable = named.revision !== "" && ran.revision !== "" && !isCommit(named.revision);
    if (isComparable && named.revision !== ran.revision)
      return "the builder was signed for at another revision than it names";
  }
  const { sourceRepository } = by.claims;
  return sourceRepository !== undefined && !isSource(source, sourceRepository)
    ? "the certificate was issued to a workflow of another source"
    : undefined;
}

function split(id: string): { readonly base: string; readonly revision: string } {
  const at = id.indexOf("@");
  return at < 0 ? { base: id, revision: "" } : { base: id.slice(0, at), revision: id.slice(at + 1) };
}

function isCommit(revision: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(revision);
}
