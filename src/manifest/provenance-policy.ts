import { Findings } from "../diagnostics/index.ts";
import { signerOfSpec } from "../policy/index.ts";
import {
  type Fields,
  list,
  made,
  mapping,
  orEmpty,
  type ReadContext,
  required,
  type Shape,
  type ShapeCode,
  scalar,
  shapeCodes,
  text,
  word,
} from "../schema/index.ts";
import { isNullScalar, type YamlMapping, type YamlNode } from "../yaml/index.ts";
import type { ManifestFindings } from "./findings.ts";
import type { PolicyBuilder, ProvenancePolicy } from "./model.ts";

// The keys are those that kpromo reads since September 2026 (promoter/image/provenance/policy.go).

/** YAML 1.1 reads a bare off as false; as a mode it can only mean what is written. */
const mode = scalar("off, warn or require", ({ value, start }, { findings }) => {
  const mode = (["off", "warn", "require"] as const).find((known) => known === value);
  if (mode !== undefined) return { value: { mode, at: findings.placeOf(start) } };
  const hint = "off demands nothing, warn tells, require promotes nothing without it";
  return { fault: "the mode is off, warn or require", hint };
});

function some(faultOf: (text: string) => string | undefined = () => undefined): Shape<string> {
  return text((written) => (written === "" ? "expected a text" : faultOf(written)));
}

function level<Level extends 1 | 2 | 3>(levels: readonly `${Level}`[]): Shape<Level | undefined> {
  return orEmpty<Level | undefined>(
    made(word(levels), (written) => Number(written) as Level),
    undefined,
  );
}

const signers = orEmpty(list(some(signerFault)), []);

const builder = made(
  mapping("a builder", { id: required(some()), level: level(["1", "2", "3"]), signers }),
  ({ id, level, signers = [] }): PolicyBuilder =>
    signers.length === 0 ? { id, level } : { id, level, signers },
);

const policy = made(
  mapping(
    "provenance",
    {
      mode: required(mode),
      signers,
      builders: orEmpty(list(builder), []),
      sources: orEmpty(
        list(
          some((written) =>
            written.includes("@")
              ? "a source is a repository without a revision: github.com/ORG/REPOSITORY"
              : undefined,
          ),
        ),
        [],
      ),
      predicateTypes: orEmpty(list(some()), []),
      level: level(["2", "3"]),
    },
    { check: refuseEmpty },
  ),
  // In this order however it is written, for it is compared as text.
  ({ mode: { mode, at }, signers = [], builders = [], sources = [], predicateTypes = [], level }) => ({
    ...{ mode, at, signers, builders, sources, predicateTypes, level },
  }),
);

function refuseEmpty({ value }: Fields, node: YamlMapping, { findings }: ReadContext): void {
  const mode = value("mode");
  if (mode?.kind !== "scalar" || !/^(?:warn|require)$/.test(mode.value)) return;
  for (const key of ["signers", "builders", "sources"]) {
    const list = value(key);
    const isEmpty =
      list === undefined || isNullScalar(list) || (list.kind === "sequence" && list.items.length === 0);
    if (isEmpty)
      findings.report("invalid-value", (list ?? node).start, `${key} are needed, unless the mode is off`);
  }
}

/**
 * Reads the `provenance` of a promoter manifest. A policy with any fault is none: nobody knows what it would demand.
 * @returns `undefined` when anything is wrong, which has been reported then.
 */
export function readProvenancePolicy(
  node: YamlNode,
  findings: ManifestFindings,
): ProvenancePolicy | undefined {
  const own = new Findings<ShapeCode>(findings.text, findings.file, shapeCodes);
  const read = policy.read(node, { findings: own, path: "" });
  for (const { code, at, message, hint, related } of own.diagnostics) {
    const isOfKeys = code === "unknown-key" || code === "duplicate-key";
    const told = isOfKeys ? message : `provenance: ${message}`;
    findings.report(isOfKeys ? code : "invalid-provenance", at, told, hint, { related });
  }
  return own.errors === 0 ? read : undefined;
}

/** An expression that is none would be nobody: that is told before somebody relies on it. */
function signerFault(text: string): string | undefined {
  const signer = signerOfSpec(text);
  return "fault" in signer ? signer.fault : undefined;
}

/** What a policy demands, as text that does not depend on how or where it is written. */
export function policyMeaning(policy: ProvenancePolicy | undefined): string {
  if (policy === undefined) return "";
  const { at: _, ...demands } = policy;
  return JSON.stringify(demands);
}
