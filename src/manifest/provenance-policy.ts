import { Findings } from "../diagnostics/index.ts";
import { pathPattern, signerOfSpec } from "../policy/index.ts";
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
import { type PlacedValue, refuseContradictions } from "./provenance-faults.ts";

// The keys are those that kpromo reads since September 2026 (promoter/image/provenance/policy.go).

/** YAML 1.1 reads a bare off as false; as a mode it can only mean what is written. */
const mode = scalar("off, warn or require", ({ value, start }, { findings }) => {
  const mode = (["off", "warn", "require"] as const).find((known) => known === value);
  if (mode !== undefined) return { value: { mode, at: findings.placeOf(start) } };
  const hint = "off demands nothing, warn tells, require promotes nothing without it";
  return { fault: "the mode is off, warn or require", hint };
});

function some(faultOf: (text: string) => string | undefined = () => undefined): Shape<string> {
  return text((written) => (written.trim() === "" ? "expected a text" : faultOf(written)));
}

function placed<Value>(shape: Shape<Value>): Shape<PlacedValue<Value>> {
  return made(shape, (value, { start }) => ({ value, start }));
}

const signers = orEmpty(list(some(signerFault)), []);

/** A file of a repository, as Git names it, and nothing that leads elsewhere. */
const workflow = some((written) => {
  const [dot, folder, ...names] = written.split("/");
  const isClean = names.length > 0 && names.every((name) => !["", ".", ".."].includes(name));
  return dot === ".github" && folder === "workflows" && isClean && !written.includes("@")
    ? undefined
    : "a workflow is a file in .github/workflows/, without a revision";
});

const ref = some((written) => {
  const read = pathPattern(written);
  return "fault" in read || !written.startsWith("refs/")
    ? "expected a pattern of a whole ref of Git, such as refs/tags/v*"
    : undefined;
});

const caller = orEmpty<CallerRules | undefined>(
  made(
    mapping(
      "a caller",
      {
        workflows: orEmpty(list(workflow), []),
        refs: orEmpty(list(ref), []),
        events: orEmpty(list(some()), []),
      },
      {
        check({ value }, { start }, { findings }) {
          const hint = "a workflow alone is a file, and whoever pushes a ref decides what is in it";
          if (isNothing(value("refs"))) findings.report("invalid-value", start, "a caller needs refs", hint);
          const events = value("events");
          if (events !== undefined && !isNothing(events))
            findings.report(
              "invalid-value",
              events.start,
              "events of a caller mean nothing: kpromo refuses them",
            );
        },
      },
    ),
    ({ workflows = [], refs = [] }) => ({ workflows, refs }),
  ),
  undefined,
);

type CallerRules = NonNullable<PolicyBuilder["caller"]>;

const builder = placed(
  made(
    mapping("a builder", {
      id: required(some()),
      level: required(made(word(["1", "2", "3"]), (written) => Number(written) as 1 | 2 | 3)),
      signers: orEmpty(list(placed(some())), []),
      caller,
    }),
    ({ id, level, signers = [], caller }) => ({
      rules: {
        ...{ id, level },
        ...(signers.length === 0 ? {} : { signers: signers.map(({ value }) => value) }),
        ...(caller === undefined ? {} : { caller }),
      } satisfies PolicyBuilder,
      signers,
    }),
  ),
);

const imageLevel = mapping("an item of levels", {
  images: required(
    list(
      some((written) => {
        const read = pathPattern(written);
        if ("fault" in read) return read.fault;
        return /^\/|\/$/.test(written)
          ? "the name of an image is below its source: it neither starts nor ends with a slash"
          : undefined;
      }),
      { min: 1 },
    ),
  ),
  level: required(placed(made(word(["2", "3"]), (written) => Number(written) as 2 | 3))),
});

const policy = made(
  mapping(
    "provenance",
    {
      mode: orEmpty<ReturnType<typeof mode.read>>(mode, undefined),
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
      level: orEmpty<PlacedValue<2 | 3> | undefined>(
        // Go reads 0 as what is not written.
        made(placed(word(["0", "2", "3"])), ({ value, start }) =>
          value === "0" ? undefined : { value: Number(value) as 2 | 3, start },
        ),
        undefined,
      ),
      levels: orEmpty(list(imageLevel), []),
    },
    { check: refuseEmpty },
  ),
  (read, { start }, { findings }): ProvenancePolicy => {
    const { signers = [], builders = [], sources = [], predicateTypes = [], level, levels = [] } = read;
    // What is left out for a fault may be what the others are consistent with.
    if (findings.errors === 0) refuseContradictions({ signers, builders, level, levels }, findings);
    return {
      mode: read.mode?.mode ?? "off",
      at: read.mode?.at ?? findings.placeOf(start),
      ...{ signers, builders: builders.map(({ value }) => value.rules), sources, predicateTypes },
      level: level?.value,
      ...(levels.length === 0
        ? {}
        : { levels: levels.map(({ images, level }) => ({ images, level: level.value })) }),
    };
  },
);

function isNothing(node: YamlNode | undefined): boolean {
  return node === undefined || isNullScalar(node) || (node.kind === "sequence" && node.items.length === 0);
}

function refuseEmpty({ value }: Fields, node: YamlMapping, { findings }: ReadContext): void {
  const mode = value("mode");
  if (mode?.kind !== "scalar" || !/^(?:warn|require)$/.test(mode.value)) return;
  for (const key of ["signers", "builders", "sources"]) {
    const list = value(key);
    if (isNothing(list))
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
  if (own.errors > 0 || read === undefined) return undefined;
  const demandsMore = node.kind === "mapping" && node.entries.length > 0;
  if (demandsMore && !node.entries.some(({ key, value }) => key.value === "mode" && !isNothing(value)))
    findings.report(
      "provenance-off",
      node.start,
      "the policy of provenance demands nothing: it has no mode",
      "write mode: warn or mode: require",
    );
  return read;
}

/** An expression that is none would be nobody: that is told before somebody relies on it. */
function signerFault(text: string): string | undefined {
  const signer = signerOfSpec(text);
  return "fault" in signer ? signer.fault : undefined;
}

/** What a policy demands, as text that depends neither on the order nor the place of what is written. One that is off demands nothing. */
export function policyMeaning(policy: ProvenancePolicy | undefined): string {
  if (policy === undefined || policy.mode === "off") return "";
  const { at: _, mode, level, builders, levels = [], ...lists } = policy;
  const byPattern = new Map<string, number>();
  for (const { images, level } of levels)
    for (const image of images) byPattern.set(image, Math.max(level, byPattern.get(image) ?? 0));
  const builtBy = builders.map(({ id, level, signers = [], caller }) =>
    JSON.stringify([id, level, signers.toSorted(), caller?.workflows.toSorted(), caller?.refs.toSorted()]),
  );
  return JSON.stringify([
    ...[mode, level, builtBy.sort(), [...byPattern].map((each) => JSON.stringify(each)).sort()],
    ...[lists.signers, lists.sources, lists.predicateTypes].map((each) => each.toSorted()),
  ]);
}
