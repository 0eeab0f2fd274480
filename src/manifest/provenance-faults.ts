import { type Findings, printable } from "../diagnostics/index.ts";
import type { ShapeCode } from "../schema/index.ts";
import type { PolicyBuilder } from "./model.ts";

/** A value with the offset at which it stands. */
export interface PlacedValue<Value> {
  readonly value: Value;
  readonly start: number;
}

/** What of a policy may contradict itself, with its places. */
export interface PlacedPolicy {
  readonly signers: readonly string[];
  readonly builders: readonly PlacedValue<{
    readonly rules: PolicyBuilder;
    readonly signers: readonly PlacedValue<string>[];
  }>[];
  readonly level: PlacedValue<2 | 3> | undefined;
  readonly levels: readonly { readonly images: readonly string[]; readonly level: PlacedValue<2 | 3> }[];
}

/** Reports what kpromo refuses of parts that are sound by themselves (promoter/image/provenance/policy.go). */
export function refuseContradictions(
  { signers, builders, level, levels }: PlacedPolicy,
  findings: Findings<ShapeCode>,
): void {
  const refuse = (start: number, fault: string, hint?: string): void =>
    findings.report("invalid-value", start, fault, hint);
  for (const [number, { value, start }] of builders.entries()) {
    const foreign = value.signers.find((signer) => !signers.includes(signer.value));
    if (foreign !== undefined)
      refuse(foreign.start, "a signer of a builder has to be one of the policy's, written as there");
    for (const { value: earlier } of builders.slice(0, number)) {
      const clash = clashOf(earlier.rules, value.rules);
      if (clash !== undefined) refuse(start, clash);
    }
  }
  const highest = highestLevel(
    signers,
    builders.map(({ value }) => value.rules),
  );
  const tooHigh = (wanted: PlacedValue<number>): boolean => highest > 0 && wanted.value > highest;
  const fault = `provenance reaches level ${highest} at most with these builders`;
  const hint = "a signer who may claim several builders reaches the lowest of them: name the signers of each";
  if (level !== undefined && tooHigh(level)) refuse(level.start, fault, hint);
  for (const { level: wanted } of levels) if (tooHigh(wanted)) refuse(wanted.start, fault, hint);
}

/** Why two builders cannot stand beside each other: whoever may claim one might claim the other by it. */
function clashOf(one: PolicyBuilder, other: PolicyBuilder): string | undefined {
  if (one.id === other.id) return `the builder ${printable(one.id)} is listed twice`;
  const isOneNamed = (one.signers === undefined) !== (other.signers === undefined);
  return isOneNamed && (isAtAnyRevision(one.id, other.id) || isAtAnyRevision(other.id, one.id))
    ? `the builders ${printable(one.id)} and ${printable(other.id)} overlap, and only one of them names signers`
    : undefined;
}

function isAtAnyRevision(id: string, other: string): boolean {
  return !id.includes("@") && other.startsWith(`${id}@`);
}

/** The highest level that provenance of a signer can reach; 0 where nobody may sign anything. */
function highestLevel(signers: readonly string[], builders: readonly PolicyBuilder[]): number {
  const unnamed = builders.filter((builder) => builder.signers === undefined);
  const reached = signers.map((signer) => {
    const named = builders.filter((builder) => builder.signers?.includes(signer) === true);
    const claimable = named.length > 0 ? named : unnamed;
    return claimable.length === 0 ? 0 : Math.min(...claimable.map(({ level }) => level));
  });
  return Math.max(0, ...reached);
}
