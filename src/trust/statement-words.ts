import * as z from "zod/mini";
import { printable } from "../diagnostics/index.ts";
import { provenanceOf } from "../provenance/index.ts";
import type { SignedStatement } from "../sigstore/index.ts";
import type { Attachment } from "./model.ts";

/** What a statement says, in a few words. It is text from outside, whoever signed it, as it may be printed: lines of bounded length. */
export interface StatementWords {
  /** What it is: `signature`, `SLSA provenance`; its predicate's type where Waybill does not know that. */
  readonly what: string;
  /** The few facts that people look for, by their names, in the order in which they are told. */
  readonly says: Readonly<Record<string, string>>;
}

/** Characters of one fact. */
const maxFact = 300;

const text = z.catch(z.optional(z.string()), undefined);
const texts = z.catch(z.optional(z.array(z.string()).check(z.maxLength(1000))), undefined);
const things = z.catch(z.optional(z.array(z.unknown())), undefined);
const lenient = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.catch(z.optional(z.object(shape)), undefined);
const named = lenient({ name: text });

type Said = string | readonly string[] | number | undefined;

/** Reads facts off a predicate, whatever that is: what is not as it should be is left out. */
function facts<Shape extends z.core.$ZodShape>(
  shape: Shape,
  tell: (predicate: z.infer<z.ZodMiniObject<Shape>>) => Readonly<Record<string, Said>>,
): (statement: SignedStatement) => Readonly<Record<string, Said>> {
  const schema = z.object(shape);
  return ({ predicate }) => {
    const read = schema.safeParse(predicate).data;
    return read === undefined ? {} : tell(read);
  };
}

/** What predicates are called, and what is told of each; the first that fits counts. */
const kinds: readonly {
  readonly type: RegExp;
  readonly what: string;
  readonly tell?: (statement: SignedStatement) => Readonly<Record<string, Said>>;
}[] = [
  {
    type: /^https:\/\/sigstore\.dev\/cosign\/sign\//,
    what: "signature",
    tell: ({ subjects }) => ({ name: subjects.flatMap(({ name }) => name ?? []) }),
  },
  {
    type: /^https:\/\/slsa\.dev\/provenance\//,
    what: "SLSA provenance",
    tell: ({ predicateType, predicate, subjects: subject }) => {
      const built = provenanceOf({ predicateType, predicate, subject });
      return { builder: built?.builder, source: built?.source, commit: built?.commit, run: built?.run };
    },
  },
  {
    type: /^https:\/\/slsa\.dev\/verification_summary\//,
    what: "verification summary",
    tell: facts(
      {
        verifier: lenient({ id: text }),
        verificationResult: text,
        verifiedLevels: texts,
        policy: lenient({ uri: text }),
        timeVerified: text,
      },
      ({ verifier, verificationResult, verifiedLevels, policy, timeVerified }) => ({
        verifier: verifier?.id,
        result: verificationResult,
        levels: verifiedLevels,
        policy: policy?.uri,
        verified: timeVerified,
      }),
    ),
  },
  {
    type: /^https:\/\/k8s\.io\/promo-tools\/promotion\//,
    what: "promotion record",
    tell: facts(
      { source: named, destination: named, srcRef: text, dstRef: text, timestamp: text, tags: texts },
      ({ source, destination, srcRef, dstRef, timestamp, tags }) => ({
        from: source?.name ?? srcRef,
        to: destination?.name ?? dstRef,
        tags,
        promoted: timestamp,
      }),
    ),
  },
  {
    type: /^https:\/\/spdx\.dev\//,
    what: "SBOM (SPDX)",
    tell: facts({ packages: things }, ({ packages }) => ({ packages: packages?.length })),
  },
  {
    type: /^https:\/\/cyclonedx\.org\//,
    what: "SBOM (CycloneDX)",
    tell: facts({ components: things, vulnerabilities: things }, ({ components, vulnerabilities }) => ({
      components: components?.length,
      vulnerabilities: vulnerabilities?.length,
    })),
  },
  { type: /^https:\/\/syft\.dev\//, what: "SBOM (Syft)" },
  {
    type: /^https:\/\/(?:cosign\.sigstore\.dev\/attestation\/vuln|in-toto\.io\/attestation\/vulns)\//,
    what: "vulnerability scan",
    tell: facts(
      {
        scanner: lenient({ uri: text, version: text, result: z.catch(z.optional(z.unknown()), undefined) }),
        metadata: lenient({ scanFinishedOn: text }),
      },
      ({ scanner, metadata }) => ({
        scanner: scanner?.uri,
        version: scanner?.version,
        findings: Array.isArray(scanner?.result) ? scanner.result.length : undefined,
        finished: metadata?.scanFinishedOn,
      }),
    ),
  },
  {
    type: /^https:\/\/openvex\.dev\/ns/,
    what: "VEX",
    tell: facts(
      { author: text, statements: things, timestamp: text },
      ({ author, statements, timestamp }) => ({
        author,
        statements: statements?.length,
        written: timestamp,
      }),
    ),
  },
  {
    type: /^https:\/\/in-toto\.io\/attestation\/svr\//,
    what: "verification result",
    tell: facts({ verifier: lenient({ id: text }), properties: texts }, ({ verifier, properties }) => ({
      verifier: verifier?.id,
      properties,
    })),
  },
];

/** What a statement is, and the few facts of it that people look for. */
export function statementInWords(statement: SignedStatement): StatementWords {
  const { predicateType } = statement;
  const kind = kinds.find(({ type }) => type.test(predicateType));
  return { what: kind?.what ?? shortened(predicateType), says: told(kind?.tell?.(statement) ?? {}) };
}

const formats = {
  "sigstore-bundle": "Sigstore bundle",
  "cosign-signature": "cosign signatures",
  "cosign-attestation": "cosign attestations",
  "cosign-sbom": "cosign SBOM",
  notation: "Notation signature",
  "buildkit-attestation": "BuildKit attestations",
  "in-toto": "in-toto statement",
  sbom: "SBOM",
  "helm-provenance": "Helm provenance",
  unknown: "artifact",
} as const satisfies Record<Attachment["format"], string>;

/** What an attached manifest is, before anything is said of its statements. */
export function attachmentInWords({
  format,
  manifest,
}: Pick<Attachment, "format" | "manifest">): StatementWords {
  const { artifactType, annotations = {} } = manifest;
  const type = format === "unknown" ? artifactType : undefined;
  return {
    what: [formats[format], type && shortened(type)].filter(Boolean).join(" "),
    says: told({ certificate: annotations["io.cncf.notary.x509chain.thumbprint#S256"] }),
  };
}

function told(said: Readonly<Record<string, Said>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(said).flatMap(([name, value]) => {
      const words = Array.isArray(value) ? value.join(", ") : String(value ?? "");
      return words === "" ? [] : [[name, shortened(words)]];
    }),
  );
}

function shortened(words: string): string {
  return printable(words, maxFact);
}
