import { listed, quoted } from "../../diagnostics/index.ts";
import {
  described,
  type EditorSchema,
  either,
  flag,
  integer,
  made,
  mapping,
  type ReadContext,
  required,
  type Shape,
  word,
} from "../../schema/index.ts";
import type { YamlNode } from "../../yaml/index.ts";
import { sbomFormats } from "../content.ts";
import type { Demand, ProvenanceDemand, SignerPattern, TrustedBuilder } from "../rule.ts";
import { severities } from "../vulnerabilities/report.ts";
import type { PolicyReadContext } from "./reading.ts";
import { age, digest, glob, path, some, words } from "./values.ts";

/** Demands within demands: nobody understands more. */
const maxDepth = 4;
const maxDemands = 2000;

/** Names of signers, and whom they mean. */
export interface KnownSigners {
  /** `undefined` for one that is written, and wrong. */
  readonly byName: ReadonlyMap<string, SignerPattern | undefined>;
  /** How many demands a file has so far. */
  demands: number;
}

/** Keys of a mapping that demands something; exactly one of them stands in it. */
export function demandFields(known: KnownSigners, depth = 1) {
  const inner = demandShape(known, depth + 1);
  const by = some(signerName(known), "Who may have signed it: names of signers.");
  const platform = words("os/architecture[/variant]", (written) =>
    /^[a-z0-9]+(?:\/[a-z0-9]+){1,2}$/.test(written) ? undefined : "expected a platform such as linux/amd64",
  );
  const severity = word(severities);
  const days = integer(0, 3650);
  const builder = either(
    made(words("The builder's id; without an @, at any revision."), (id) => ({ id })),
    mapping("a builder", {
      id: required(words("As provenance names it; without an @, at any revision.")),
      level: level(["1", "2", "3"]),
      signers: some(signerName(known), "Who alone may claim it: some of by."),
    }),
  );
  return {
    all: made(some(inner, "All of these."), (of): Demand => ({ kind: "all", of })),
    any: made(some(inner, "Any of these."), (of): Demand => ({ kind: "any", of })),
    atLeast: made(
      mapping("atLeast", { count: required(integer(1, 100)), of: required(some(inner)) }),
      ({ count, of }, node, { findings }): Demand | undefined => {
        if (count <= of.length) return { kind: "at-least", count, of };
        findings.report("invalid-value", node.start, `${count} of ${of.length} can never be`);
        return undefined;
      },
    ),
    signature: described(
      made(
        mapping("signature", { by: required(by), maxAge: age }),
        (read): Demand => ({ kind: "signature", ...read }),
      ),
      "A signature of the image by any of these.",
    ),
    attestation: described(
      made(
        mapping("attestation", { type: required(predicateType), by: required(by), maxAge: age }),
        ({ type, ...read }): Demand => ({ kind: "attestation", predicateType: type, ...read }),
      ),
      "A statement of a type, signed by any of these.",
    ),
    provenance: described(
      made(
        mapping("provenance", {
          by: required(by),
          builders: required(some(builder, "Builders that are trusted.")),
          sources: required(
            some(
              words("A repository such as github.com/org/repository.", (written) =>
                written.includes("@") ? "a source is a repository without a revision" : undefined,
              ),
            ),
          ),
          types: some(predicateType, "Types of statements that have to be there as well."),
          level: level(["1", "2", "3"]),
          maxAge: age,
        }),
        (read, node, { findings }): ProvenanceDemand | undefined => {
          const { builders, types = [], ...rest } = read;
          const foreign = builders
            .flatMap((each) => ("signers" in each ? (each.signers ?? []) : []))
            .find((signer) => !read.by.includes(signer));
          if (foreign !== undefined) {
            const message = "a builder names a signer that is none of by";
            findings.report("invalid-value", node.start, message);
            return undefined;
          }
          const trusted = builders.map((each): TrustedBuilder => {
            if (!("signers" in each) || each.signers === undefined) return { ...each, signers: undefined };
            return { ...each, signers: each.signers.map((signer) => read.by.indexOf(signer)) };
          });
          return { kind: "provenance", predicateTypes: types, builders: trusted, ...rest };
        },
      ),
      "SLSA provenance by one of the signers, of one of the builders, from one of the sources.",
    ),
    sbom: described(
      made(
        mapping("sbom", {
          by,
          formats: some(word(sbomFormats), "Formats that are taken; any by default."),
          maxAge: age,
        }),
        (read): Demand => ({ kind: "sbom", ...read }),
      ),
      "An SBOM; by one of the signers, where some are named.",
    ),
    vulnerabilities: described(
      made(
        mapping(
          "vulnerabilities",
          {
            below: required(described(severity, "The first severity that is too much.")),
            by,
            reports: some(path, "Files and folders of scanners' reports, beside this file."),
            vex: some(path, "Files and folders of VEX, beside this file."),
            maxAge: age,
            unknown: described(severity, "As what an unknown severity counts; critical by default."),
            fixedOnly: described(flag, "Those without a fix stop nothing."),
            graceDays: described(
              mapping("graceDays", {
                negligible: days,
                low: days,
                medium: days,
                high: days,
                critical: days,
              }),
              "Days in which a vulnerability stops nothing yet.",
            ),
            graceFrom: described(
              word(["published", "fix"]),
              "From when on: its publication (by default) or its fix.",
            ),
          },
          {
            check: ({ known: fields }, node, { findings }) => {
              if (!fields.has("by") && !fields.has("reports"))
                findings.report(
                  "missing-key",
                  node.start,
                  "by or reports is missing: nothing says whose reports count",
                );
            },
          },
        ),
        ({
          by = [],
          reports = [],
          vex = [],
          unknown = "critical",
          fixedOnly = false,
          graceFrom = "published",
          ...read
        }): Demand => ({
          ...{ kind: "vulnerabilities", by, reports, vex, unknown, fixedOnly, graceFrom },
          ...read,
        }),
      ),
      "A scanner's report without vulnerabilities that are too grave.",
    ),
    platforms: made(
      some(platform, "Platforms that the image has to be for."),
      (platforms): Demand => ({ kind: "platforms", platforms }),
    ),
    base: described(
      made(
        mapping("base", {
          images: required(some(glob("A glob of repositories with their host: docker.io/library/*."))),
          digests: some(digest, "Digests that are allowed; any by default."),
          by,
          maxAge: age,
        }),
        ({ by = [], ...read }): Demand => ({ kind: "base", by, ...read }),
      ),
      "What the image may be built on.",
    ),
  } as const;
}

const predicateType = words("The URI of a predicate's type: https://slsa.dev/provenance/v1.", (written) =>
  /^[a-z][a-z0-9+.-]*:\S+$/i.test(written)
    ? undefined
    : {
        fault: "expected the URI of a type",
        hint: "such as https://spdx.dev/Document or https://cyclonedx.org/bom",
      },
);

function level<Level extends 1 | 2 | 3>(levels: readonly `${Level}`[]): Shape<Level> {
  const editor: EditorSchema = {
    type: "integer",
    enum: levels.map(Number),
    description: "Of SLSA's build track.",
  };
  return { ...made(word(levels), (written) => Number(written) as Level), editor };
}

/** The demand of a mapping that was read with {@link demandFields}; `undefined` unless there is exactly one. */
export function onlyDemand(
  read: { readonly [Key in keyof ReturnType<typeof demandFields>]?: Demand },
  node: YamlNode,
  { findings }: ReadContext,
): Demand | undefined {
  const names = Object.keys(demandFields({ byName: new Map(), demands: 0 }, maxDepth));
  const written =
    node.kind === "mapping" ? node.entries.filter(({ key }) => names.includes(key.value)).length : 0;
  if (written !== 1) {
    findings.report("invalid-value", node.start, `expected exactly one of: ${listed(names, "or")}`);
    return undefined;
  }
  return Object.entries(read).find(([name]) => names.includes(name))?.[1];
}

function demandShape(known: KnownSigners, depth: number): Shape<Demand> {
  return {
    kind: "mapping",
    what: "a mapping",
    editor: { $ref: "#/$defs/demand" },
    read(node, reading) {
      if (depth > maxDepth) {
        reading.findings.report("invalid-value", node.start, `demands stand ${maxDepth} deep at most`);
        return undefined;
      }
      known.demands += 1;
      if (known.demands > maxDemands) {
        if (known.demands === maxDemands + 1)
          (reading as PolicyReadContext).findings.report(
            "too-many-demands",
            node.start,
            `there are more than ${maxDemands} demands`,
          );
        return undefined;
      }
      const read = mapping("a demand", demandFields(known, depth)).read(node, reading);
      return read === undefined ? undefined : onlyDemand(read, node, reading);
    },
  };
}

/** The name of a signer, as whom it means. */
function signerName({ byName }: KnownSigners): Shape<SignerPattern> {
  return made(words("The name of a signer."), (name, node, reading) => {
    const pattern = byName.get(name);
    if (pattern !== undefined) return pattern;
    const { findings } = reading as PolicyReadContext;
    if (byName.has(name))
      findings.report("unknown-signer", node.start, `what stands of the signer ${quoted(name)} is wrong`);
    else {
      const hint =
        byName.size === 0
          ? "name signers in the section signers"
          : `there is ${listed([...byName.keys()].slice(0, 15))}`;
      findings.report("unknown-signer", node.start, `no signer is called ${quoted(name)}`, hint);
    }
    return undefined;
  });
}
