import { placeIn, type TextPosition } from "../diagnostics/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import { pathPattern } from "./path-pattern.ts";
import type { Policy, PolicyMode, SignerPattern, TrustedBuilder } from "./rule.ts";
import { signerOfSpec } from "./signers.ts";
import type { TextPattern } from "./text-pattern.ts";

/** What is needed of a promoter manifest for the policy in it: the manifest as it was read has all of it. */
export interface ManifestWithProvenance {
  readonly file: string;
  readonly source: { readonly name: string };
  readonly provenance?:
    | {
        readonly mode: PolicyMode;
        readonly signers: readonly string[];
        readonly builders: readonly {
          readonly id: string;
          readonly level?: 1 | 2 | 3 | undefined;
          readonly signers?: readonly string[] | undefined;
          readonly caller?:
            | { readonly workflows: readonly string[]; readonly refs: readonly string[] }
            | undefined;
        }[];
        readonly sources: readonly string[];
        readonly predicateTypes: readonly string[];
        readonly level?: 1 | 2 | 3 | undefined;
        readonly levels?:
          | readonly { readonly images: readonly string[]; readonly level: 2 | 3 }[]
          | undefined;
        readonly at: TextPosition;
      }
    | undefined;
}

/**
 * The `provenance` of promoter manifests as policies, named `provenance`, with kpromo's meaning: each is about its manifest's
 * source and all below it. Manifests of one source have the same (reading them sees to that), so that it is there once.
 */
export function provenancePolicies(manifests: Iterable<ManifestWithProvenance>): readonly Policy[] {
  const bySource = new Map<string, Policy>();
  for (const { file, source, provenance } of manifests) {
    if (provenance === undefined || provenance.mode === "off" || bySource.has(source.name)) continue;
    const { mode, at, signers, sources, predicateTypes, level, levels = [] } = provenance;
    // Reading the manifest has refused a signer with a fault; one that got here all the same is nobody.
    const by = signers.map((spec): SignerPattern => {
      const signer = signerOfSpec(spec);
      return "fault" in signer ? { kind: "key", name: spec } : signer;
    });
    const builders = provenance.builders.map(
      ({ id, level, signers: named = [], caller }): TrustedBuilder => ({
        id,
        level,
        ...(caller === undefined
          ? {}
          : { caller: { workflows: caller.workflows, refs: caller.refs.map(soundPattern) } }),
        signers: named.length === 0 ? undefined : named.map((spec) => signers.indexOf(spec)),
      }),
    );
    bySource.set(source.name, {
      name: "provenance",
      at: placeIn(file, at),
      mode,
      covers: { source: source.name as RepositoryName },
      demand: {
        ...({ kind: "provenance", by, builders, sources, predicateTypes, level } as const),
        levels: levels.map(({ images, level }) => ({ images: images.map(soundPattern), level })),
      },
      exceptions: [],
    });
  }
  return [...bySource.values()];
}

/** Reading the manifest has refused a pattern with a fault; one that got here all the same means itself alone. */
function soundPattern(pattern: string): TextPattern {
  const read = pathPattern(pattern);
  return "fault" in read ? { exact: pattern } : read;
}
