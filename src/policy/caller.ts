import { printable } from "../diagnostics/index.ts";
import type { SignedBy } from "../sigstore/index.ts";
import { type BuildClaims, isBuilder, isSource, type WorkflowRun } from "../slsa/index.ts";
import { fitsPath } from "./path-pattern.ts";
import type { CallerPattern, TrustedBuilder } from "./rule.ts";

/**
 * Why a builder was called by somebody who may not, as kpromo judges it (promoter/image/provenance/caller.go): anybody may call a
 * reusable workflow, and the identity of its signer does not say who has. The certificate does (its build config), and
 * the provenance has to say the same. Without builders that care, nothing is asked.
 * @param builders Those that the signer may claim; where several are meant, all of them have to allow the caller.
 */
export function callerFault(
  claims: BuildClaims,
  builders: readonly TrustedBuilder[],
  by: SignedBy,
  sources: readonly string[],
): string | undefined {
  const callers = builders.flatMap(({ id, caller }) =>
    caller !== undefined && isBuilder(id, claims.builder ?? "") ? [caller] : [],
  );
  if (callers.length === 0) return undefined;
  if (claims.caller === "unclear") return "it is unclear which workflow called its builder";
  const run = by.kind === "certificate" ? runOf(by.claims.buildConfig ?? "") : undefined;
  if (by.kind !== "certificate" || run === undefined)
    return "its certificate does not say which workflow called its builder";
  const ran = words(run);
  const { sourceRepository } = by.claims;
  if (sourceRepository !== undefined && sourceRepository !== run.repository)
    return `its certificate is for another repository than that of the workflow that called its builder, ${ran}`;
  if (!sources.some((source) => isSource(source, run.repository)))
    return `its builder was called by ${ran}, which is in no source of the policy`;
  if (claims.caller === undefined) return `it does not say that ${ran} called its builder`;
  if (words(claims.caller) !== ran)
    return `it says that ${words(claims.caller)} called its builder, and its certificate that ${ran} did`;
  return callers.every((caller) => isAllowed(caller, run))
    ? undefined
    : `its builder was called by ${ran}, which the policy does not allow`;
}

function isAllowed({ workflows, refs }: CallerPattern, { path, ref }: WorkflowRun): boolean {
  return (
    (workflows.length === 0 || workflows.includes(path)) && refs.some((pattern) => fitsPath(pattern, ref))
  );
}

/** The workflow that a certificate of GitHub's names: `https://github.com/ORG/REPOSITORY/PATH@REF`. */
function runOf(buildConfig: string): WorkflowRun | undefined {
  const [, repository, path, ref] =
    /^(https:\/\/github\.com\/[^/@]+\/[^/@]+)\/([^@]+)@(.+)$/s.exec(buildConfig) ?? [];
  return repository === undefined || path === undefined || ref === undefined
    ? undefined
    : { repository, path, ref };
}

function words({ repository, path, ref }: WorkflowRun): string {
  return printable(`${repository}/${path}@${ref}`);
}
