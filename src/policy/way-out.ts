import type { DemandAnswer } from "./answer.ts";
import type { Demand } from "./rule.ts";

type Unsatisfied = Exclude<DemandAnswer["outcome"], "satisfied">;

/** What to do next about a demand that an image does not satisfy. Each kind has its own way out. */
export function wayOutOf(demand: Demand, outcome: Unsatisfied): string {
  if (outcome === "unreadable") return "run again when it can be read";
  const ways = new Set(partsOf(demand).map((part) => waysOut[part.kind][outcome]));
  const [way] = ways;
  if (way !== undefined && ways.size === 1) return way;
  return outcome === "missing"
    ? "have what is not there attached by those whom the policy names, then run again"
    : "compare what is there with what the policy asks for";
}

/** Demands that are made of no others. */
type Leaf = Exclude<Demand, { readonly of: readonly Demand[] }>;

function partsOf(demand: Demand): readonly Leaf[] {
  return "of" in demand ? demand.of.flatMap(partsOf) : [demand];
}

const attached = {
  missing: "have whoever builds the image attach it, then run again",
  failed: "compare who signed and built it with whom the policy names",
};
const mended = "mend the policy: waybill check says what is wrong with it";

const waysOut: Readonly<Record<Leaf["kind"], Readonly<Record<Exclude<Unsatisfied, "unreadable">, string>>>> =
  {
    signature: {
      missing: "have one of those whom the policy names sign the image, then run again",
      failed: "compare who signed it with whom the policy names",
    },
    attestation: attached,
    provenance: attached,
    sbom: attached,
    vulnerabilities: {
      missing: "have a report of a scanner attached, or name one under reports of the policy, then run again",
      failed:
        "build the image anew with what mends them, or say in VEX or in an exception why they do no harm",
    },
    platforms: {
      missing: "build the image for all platforms that the policy names, and promote that one",
      failed: "build the image for all platforms that the policy names, and promote that one",
    },
    base: {
      missing: "have whoever builds the image say what it is built on, then run again",
      failed: "build the image on a base that the policy allows, and promote that one",
    },
    broken: { missing: mended, failed: mended },
  };
