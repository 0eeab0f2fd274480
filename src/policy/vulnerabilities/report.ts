import * as z from "zod/mini";
import { type Digest, isDigest } from "../../oci/index.ts";

/** How grave a vulnerability is, from the least on. What a scanner does not know is none of these. */
export const severities = ["negligible", "low", "medium", "high", "critical"] as const;

/** One of {@link severities}. */
export type VulnerabilitySeverity = (typeof severities)[number];

/** What a scanner found in an image, in one form for all formats. */
export interface ScanReport {
  readonly scanner: string;
  /** ISO 8601. */
  readonly at?: string | undefined;
  /** The images that it names; empty where it names none by digest. */
  readonly digests: readonly Digest[];
  readonly vulnerabilities: readonly Vulnerability[];
}

export interface Vulnerability {
  readonly id: string;
  /** Other names of it: a `CVE-` of a `GHSA-`. */
  readonly aliases: readonly string[];
  readonly severity: VulnerabilitySeverity | "unknown";
  /** A package URL, or the name of the package where there is none. */
  readonly package?: string | undefined;
  /** Whether there is a version without it; `undefined` where the report does not say. */
  readonly isFixed?: boolean | undefined;
  /** ISO 8601. */
  readonly publishedAt?: string | undefined;
  readonly fixedAt?: string | undefined;
}

/** Vulnerabilities of one report; images with more are not worth counting. */
const maxVulnerabilities = 50_000;

const text = z.catch(z.optional(z.string().check(z.maxLength(2048))), undefined);
const texts = z.catch(z.array(z.string().check(z.maxLength(2048))).check(z.maxLength(1000)), []);
const id = z.string().check(z.minLength(1), z.maxLength(256));
function many<Item extends z.core.$ZodType>(item: Item) {
  return z.array(item).check(z.maxLength(maxVulnerabilities));
}

const trivySchema = z.object({
  SchemaVersion: z.literal(2),
  ArtifactName: text,
  CreatedAt: text,
  Metadata: z.catch(z.optional(z.object({ RepoDigests: texts })), undefined),
  Results: z.optional(
    z.nullable(
      many(
        z.object({
          Vulnerabilities: z.optional(
            z.nullable(
              many(
                z.object({
                  VulnerabilityID: id,
                  PkgName: text,
                  PkgIdentifier: z.catch(z.optional(z.object({ PURL: text })), undefined),
                  FixedVersion: text,
                  Status: text,
                  Severity: text,
                  PublishedDate: text,
                }),
              ),
            ),
          ),
        }),
      ),
    ),
  ),
});

const grypeSchema = z.object({
  matches: many(
    z.object({
      vulnerability: z.object({
        id,
        severity: text,
        fix: z.catch(
          z.optional(
            z.object({
              state: text,
              available: z.catch(z.array(z.object({ date: text })).check(z.maxLength(100)), []),
            }),
          ),
          undefined,
        ),
      }),
      relatedVulnerabilities: z.catch(z.array(z.object({ id })).check(z.maxLength(100)), []),
      artifact: z.catch(z.optional(z.object({ name: text, purl: text })), undefined),
    }),
  ),
  descriptor: z.object({ name: z.optional(z.literal("grype")), timestamp: text }),
  source: z.catch(
    z.optional(
      z.object({
        target: z.catch(z.optional(z.object({ manifestDigest: text, repoDigests: texts })), undefined),
      }),
    ),
    undefined,
  ),
});

const time = z.catch(z.optional(z.object({ scanFinishedOn: text })), undefined);
const cosignSchema = z.object({
  scanner: z.object({ uri: text, result: z.unknown() }),
  metadata: time,
});

const intotoSchema = z.object({
  scanner: z.object({
    uri: text,
    result: z.optional(
      z.nullable(
        many(
          z.object({
            id,
            severity: z.catch(
              z
                .array(z.object({ score: z.catch(z.union([z.string(), z.number()]), "") }))
                .check(z.maxLength(100)),
              [],
            ),
          }),
        ),
      ),
    ),
  }),
  metadata: time,
});

/** Types of statements that hold a report. */
export const reportTypes: readonly string[] = [
  "https://cosign.sigstore.dev/attestation/vuln/v1",
  "https://in-toto.io/attestation/vulns/v0.1",
  "https://in-toto.io/attestation/vulns/v0.2",
];

/** The report in a statement of one of {@link reportTypes}; `undefined` when it cannot be understood as a whole. */
export function reportOfStatement(predicateType: string, predicate: unknown): ScanReport | undefined {
  if (predicateType.includes("cosign")) {
    const read = cosignSchema.safeParse(predicate).data;
    const report = reportOfFile(read?.scanner.result);
    return report === undefined ? undefined : { ...report, at: read?.metadata?.scanFinishedOn ?? report.at };
  }
  const read = intotoSchema.safeParse(predicate).data;
  if (read === undefined) return undefined;
  return {
    scanner: read.scanner.uri ?? "a scanner",
    at: read.metadata?.scanFinishedOn,
    digests: [],
    vulnerabilities: (read.scanner.result ?? []).map(({ id, severity }) => ({
      id,
      aliases: [],
      severity: gravest(severity.map(({ score }) => severityOf(score))),
    })),
  };
}

/** The report that a scanner has written: Trivy's JSON or Grype's; `undefined` when it cannot be understood as a whole. */
export function reportOfFile(content: unknown): ScanReport | undefined {
  const trivy = trivySchema.safeParse(content).data;
  if (trivy !== undefined) {
    const named = [...(trivy.Metadata?.RepoDigests ?? []), trivy.ArtifactName ?? ""];
    return {
      scanner: "Trivy",
      at: trivy.CreatedAt,
      digests: digestsIn(named),
      vulnerabilities: (trivy.Results ?? []).flatMap(({ Vulnerabilities }) =>
        (Vulnerabilities ?? []).map((found) => ({
          id: found.VulnerabilityID,
          aliases: [],
          severity: severityOf(found.Severity),
          package: found.PkgIdentifier?.PURL ?? found.PkgName,
          isFixed: (found.FixedVersion ?? "") !== "" || found.Status === "fixed",
          publishedAt: found.PublishedDate,
        })),
      ),
    };
  }
  const grype = grypeSchema.safeParse(content).data;
  if (grype === undefined) return undefined;
  const { manifestDigest = "", repoDigests = [] } = grype.source?.target ?? {};
  return {
    scanner: "Grype",
    at: grype.descriptor.timestamp,
    digests: digestsIn([manifestDigest, ...repoDigests]),
    vulnerabilities: grype.matches.map(({ vulnerability, relatedVulnerabilities, artifact }) => ({
      id: vulnerability.id,
      aliases: relatedVulnerabilities.map(({ id }) => id),
      severity: severityOf(vulnerability.severity),
      package: artifact?.purl ?? artifact?.name,
      isFixed: grypeFix[vulnerability.fix?.state ?? ""],
      fixedAt: vulnerability.fix?.available.find(({ date }) => date !== undefined)?.date,
    })),
  };
}

const grypeFix: Readonly<Record<string, boolean>> = {
  fixed: true,
  "not-fixed": false,
  "wont-fix": false,
};

function digestsIn(references: readonly string[]): Digest[] {
  return references.map((reference) => reference.slice(reference.indexOf("@") + 1)).filter(isDigest);
}

/** A word of any scanner, or a score of CVSS by the bands of its specification (section 5). */
function severityOf(said: string | number | undefined): Vulnerability["severity"] {
  const word = String(said ?? "").toLowerCase();
  const known = severities.find((severity) => severity === word);
  if (known !== undefined) return known;
  if (word === "moderate") return "medium";
  const score = /^\d{1,2}(?:\.\d{1,3})?$/.test(word) ? Number(word) : Number.NaN;
  if (Number.isNaN(score) || score > 10) return "unknown";
  if (score >= 9) return "critical";
  if (score >= 7) return "high";
  if (score >= 4) return "medium";
  return score > 0 ? "low" : "negligible";
}

function gravest(found: readonly Vulnerability["severity"][]): Vulnerability["severity"] {
  return severities.toReversed().find((severity) => found.includes(severity)) ?? "unknown";
}
