import { describe, expect, test } from "vitest";
import { parseRepository } from "../../src/oci/index.ts";
import {
  type Demand,
  type Evidence,
  evaluatePolicies,
  type PolicyException,
  type PolicyScope,
  type PolicyVerdict,
  type SignerPattern,
} from "../../src/policy/index.ts";
import type { SignatureState } from "../../src/sigstore/index.ts";
import {
  digestNamed,
  evidence,
  google,
  image,
  now,
  platform,
  signature,
  signedBy,
  signedWithKey,
  statement,
  unsigned,
} from "./evidence.ts";

const ci = { kind: "identity", identity: { exact: "ci@example.com" }, issuer: { exact: google } } as const;
const cosignVuln = "https://cosign.sigstore.dev/attestation/vuln/v1";
const byCi = signedBy("ci@example.com");
const at = { file: "policy.yaml", line: 1, column: 1 };

function judge(demand: Demand, found: Evidence, exceptions: readonly PolicyException[] = []): PolicyVerdict {
  const policy = { name: "rule", at, mode: "require", covers: {}, demand, exceptions } as const;
  const [verdict] = evaluatePolicies([policy], image, found, now);
  if (verdict === undefined) throw new Error("there is no verdict");
  return verdict;
}

const vulnerabilities = (more: Partial<Extract<Demand, { kind: "vulnerabilities" }>> = {}): Demand => ({
  ...{ kind: "vulnerabilities", by: [ci], reports: ["reports"], vex: ["vex"], below: "high" },
  ...{ unknown: "critical", fixedOnly: false, graceFrom: "published" },
  ...more,
});

interface Found {
  readonly id?: string;
  readonly severity?: string;
  readonly fixed?: string;
  readonly published?: string;
}

const purl = "pkg:deb/debian/openssl@3.0.1?arch=amd64";

function trivy(found: readonly Found[], { digest = image.digest, created = "2026-11-29T00:00:00Z" } = {}) {
  return {
    SchemaVersion: 2,
    CreatedAt: created,
    ArtifactName: "app",
    Metadata: { RepoDigests: [`staging.example.com/p/app@${digest}`] },
    Results: [
      { Vulnerabilities: null },
      {
        Vulnerabilities: found.map(({ id = "CVE-2026-1", severity = "HIGH", fixed, published }) => ({
          ...{ VulnerabilityID: id, PkgName: "openssl", PkgIdentifier: { PURL: purl } },
          ...{ Severity: severity, FixedVersion: fixed, PublishedDate: published },
        })),
      },
    ],
  };
}

function grype(severity: string, state: string, fixedAt?: string) {
  return {
    matches: [
      {
        vulnerability: {
          ...{ id: "GHSA-aaaa", severity },
          fix: { state, versions: [], available: fixedAt === undefined ? [] : [{ date: fixedAt }] },
        },
        relatedVulnerabilities: [{ id: "CVE-2026-1" }],
        artifact: { name: "openssl", purl },
      },
    ],
    source: { target: { manifestDigest: image.digest } },
    descriptor: { name: "grype", timestamp: "2026-11-29T00:00:00Z" },
  };
}

const file = (content: unknown, name = "reports/app.json") => ({ name, content });
const scanned = (...reports: unknown[]) =>
  evidence([], { files: reports.map((report, index) => file(report, `reports/${index}.json`)) });

function attested(result: unknown, signature = byCi, finished = "2026-11-29T00:00:00Z") {
  const predicate = { scanner: { uri: "trivy", result }, metadata: { scanFinishedOn: finished } };
  return statement("https://cosign.sigstore.dev/attestation/vuln/v1", signature, predicate, "report");
}

const openVex = (products: unknown, more: object = {}, time = "2026-11-29T00:00:00Z") => ({
  "@context": "https://openvex.dev/ns/v0.2.0",
  timestamp: time,
  statements: [
    {
      vulnerability: { name: "CVE-2026-1" },
      products,
      status: "not_affected",
      justification: "vulnerable_code_not_present",
      ...more,
    },
  ],
});
const thisImage = `pkg:oci/app@${encodeURIComponent(image.digest)}?repository_url=prod.example.com/p/app`;
const withVex = (...documents: unknown[]) =>
  evidence([], {
    files: [file(trivy([{}])), ...documents.map((content, index) => file(content, `vex/${index}.json`))],
  });

describe("reports of scanners", () => {
  test.each<[string, Demand, Evidence, PolicyVerdict["outcome"], string]>([
    ["none", vulnerabilities(), evidence([]), "missing", "no report"],
    [
      "none, but something unread",
      vulnerabilities(),
      evidence([], { unread: [{ code: "x", message: "gone" }] }),
      "unreadable",
      "gone",
    ],
    ["nothing found", vulnerabilities(), scanned(trivy([])), "satisfied", "Trivy of 2026-11-29"],
    [
      "nothing found, but something unread that may be newer",
      vulnerabilities(),
      { ...scanned(trivy([])), unread: [{ code: "too-large", message: "236 are not looked at" }] },
      "unreadable",
      "236 are not looked at",
    ],
    [
      "nothing found, but another report that only a trusted root could verify",
      vulnerabilities(),
      {
        ...scanned(trivy([])),
        items: [statement(cosignVuln, { state: "unverifiable", why: "no root", lacks: "trusted-root" })],
      },
      "unreadable",
      "not verifiable here",
    ],
    [
      "nothing found, and another report that somebody has signed whom nobody knows",
      vulnerabilities(),
      {
        ...scanned(trivy([])),
        items: [statement(cosignVuln, { state: "unverifiable", why: "no key", lacks: "key" })],
      },
      "satisfied",
      "",
    ],
    [
      "too grave, whatever is unread",
      vulnerabilities(),
      { ...scanned(trivy([{}])), unread: [{ code: "x", message: "gone" }] },
      "failed",
      "CVE-2026-1",
    ],
    ["null in place of a list", vulnerabilities(), scanned({ ...trivy([]), Results: null }), "satisfied", ""],
    [
      "too grave",
      vulnerabilities(),
      scanned(trivy([{}])),
      "failed",
      "CVE-2026-1 (high, pkg:deb/debian/openssl",
    ],
    ["below what is too grave", vulnerabilities(), scanned(trivy([{ severity: "MEDIUM" }])), "satisfied", ""],
    [
      "graver than what is too grave",
      vulnerabilities(),
      scanned(trivy([{ severity: "CRITICAL" }])),
      "failed",
      "",
    ],
    [
      "an unknown severity is the gravest",
      vulnerabilities(),
      scanned(trivy([{ severity: "UNKNOWN" }])),
      "failed",
      "unknown",
    ],
    [
      "unless it is to count as less",
      vulnerabilities({ unknown: "low" }),
      scanned(trivy([{ severity: "UNKNOWN" }])),
      "satisfied",
      "",
    ],
    [
      "without a fix",
      vulnerabilities({ fixedOnly: true }),
      scanned(trivy([{}])),
      "satisfied",
      "1 without a fix",
    ],
    ["with a fix", vulnerabilities({ fixedOnly: true }), scanned(trivy([{ fixed: "3.0.2" }])), "failed", ""],
    ["Grype's", vulnerabilities(), scanned(grype("High", "fixed")), "failed", "GHSA-aaaa"],
    [
      "Grype's without a fix",
      vulnerabilities({ fixedOnly: true }),
      scanned(grype("High", "not-fixed")),
      "satisfied",
      "",
    ],
    [
      "Grype's that does not know of a fix",
      vulnerabilities({ fixedOnly: true }),
      scanned(grype("High", "unknown")),
      "failed",
      "",
    ],
    [
      "of another image",
      vulnerabilities(),
      scanned(trivy([], { digest: digestNamed("other") })),
      "missing",
      "",
    ],
    ["of no image", vulnerabilities(), scanned({ ...trivy([]), Metadata: {} }), "missing", ""],
    ["below another folder", vulnerabilities({ reports: ["report"] }), scanned(trivy([])), "missing", ""],
    ["too old", vulnerabilities({ maxAge: 86_400 }), scanned(trivy([])), "failed", "too long ago"],
    ["new enough", vulnerabilities({ maxAge: 3 * 86_400 }), scanned(trivy([])), "satisfied", ""],
    [
      "of no day, where an age is demanded",
      vulnerabilities({ maxAge: 86_400 }),
      scanned({ ...trivy([]), CreatedAt: undefined }),
      "failed",
      "an unknown day",
    ],
    [
      "the newest of one scanner",
      vulnerabilities(),
      scanned(trivy([{}], { created: "2026-11-28T00:00:00Z" }), trivy([])),
      "satisfied",
      "",
    ],
    [
      "an older good one",
      vulnerabilities(),
      scanned(trivy([], { created: "2026-11-28T00:00:00Z" }), trivy([{}])),
      "failed",
      "",
    ],
    [
      "two scanners",
      vulnerabilities(),
      scanned(trivy([]), grype("Critical", "fixed")),
      "failed",
      "GHSA-aaaa",
    ],
    [
      "a statement",
      vulnerabilities(),
      evidence([attested(trivy([]))]),
      "satisfied",
      "signed by ci@example.com",
    ],
    ["a statement with something grave", vulnerabilities(), evidence([attested(trivy([{}]))]), "failed", ""],
    [
      "a statement by somebody else",
      vulnerabilities(),
      evidence([attested(trivy([]), signedBy("eve@example.com"))]),
      "failed",
      "eve@example.com",
    ],
    [
      "a statement by nobody",
      vulnerabilities(),
      evidence([attested(trivy([]), unsigned)]),
      "failed",
      "nobody signed",
    ],
    [
      "a statement with the report of another image",
      vulnerabilities(),
      evidence([attested(trivy([], { digest: digestNamed("other") }))]),
      "failed",
      "of another image",
    ],
    [
      "a statement that nobody understands",
      vulnerabilities(),
      evidence([attested({ SchemaVersion: 3 })]),
      "failed",
      "cannot be understood",
    ],
    [
      "a report of each platform",
      vulnerabilities(),
      evidence([], { platforms: [platform("linux/amd64", [attested({ ...trivy([]), Metadata: {} })])] }),
      "satisfied",
      "",
    ],
    [
      "no report of one platform",
      vulnerabilities(),
      evidence([], {
        platforms: [
          platform("linux/amd64", [attested({ ...trivy([]), Metadata: {} })]),
          platform("linux/arm64", []),
        ],
      }),
      "missing",
      "linux/arm64",
    ],
  ])("%s", (_, demand, found, outcome, why) => {
    const verdict = judge(demand, found);
    expect(verdict).toMatchObject({ outcome });
    expect(verdict.why).toContain(why);
  });

  test.each([
    ["9.8", "failed"],
    ["7.0", "failed"],
    ["6.9", "satisfied"],
    [0, "satisfied"],
    ["HIGH", "failed"],
    ["what", "failed"],
  ])("a score of in-toto's: %s", (score, outcome) => {
    const predicate = {
      scanner: { uri: "s", result: [{ id: "CVE-2026-1", severity: [{ method: "m", score }] }] },
    };
    const found = statement("https://in-toto.io/attestation/vulns/v0.2", byCi, predicate);
    expect(judge(vulnerabilities(), evidence([found])).outcome).toBe(outcome);
  });

  test.each<
    [string, Partial<Extract<Demand, { kind: "vulnerabilities" }>>, unknown, PolicyVerdict["outcome"]]
  >([
    [
      "published lately",
      { graceDays: { high: 10 } },
      trivy([{ published: "2026-11-25T00:00:00Z" }]),
      "satisfied",
    ],
    [
      "published long ago",
      { graceDays: { high: 10 } },
      trivy([{ published: "2026-11-01T00:00:00Z" }]),
      "failed",
    ],
    [
      "of another severity",
      { graceDays: { critical: 10 } },
      trivy([{ published: "2026-11-25T00:00:00Z" }]),
      "failed",
    ],
    ["first seen in the report", { graceDays: { high: 10 } }, trivy([{}]), "satisfied"],
    [
      "fixed lately",
      { graceDays: { high: 10 }, graceFrom: "fix" },
      grype("High", "fixed", "2026-11-25"),
      "satisfied",
    ],
    [
      "fixed long ago",
      { graceDays: { high: 10 }, graceFrom: "fix" },
      grype("High", "fixed", "2026-10-25"),
      "failed",
    ],
  ])("grace: %s", (_, more, report, outcome) => {
    expect(judge(vulnerabilities(more), scanned(report)).outcome).toBe(outcome);
  });

  test("grace counts from the first report that has it", () => {
    const found = scanned(trivy([{}]), trivy([{}], { created: "2026-11-01T00:00:00Z" }));
    expect(judge(vulnerabilities({ graceDays: { high: 10 } }), found).outcome).toBe("failed");
  });
});

describe("VEX", () => {
  test.each<[string, Evidence, PolicyVerdict["outcome"]]>([
    ["of this image", withVex(openVex([{ "@id": thisImage }])), "satisfied"],
    ["of another image", withVex(openVex([{ "@id": thisImage.replace(/3A..../, "3A0000") }])), "failed"],
    ["of an image without a digest", withVex(openVex([{ "@id": "pkg:oci/app" }])), "failed"],
    [
      "of this package in this image",
      withVex(openVex([{ "@id": thisImage, subcomponents: [{ "@id": "pkg:deb/debian/openssl@3.0.1" }] }])),
      "satisfied",
    ],
    [
      "of another package in this image",
      withVex(openVex([{ "@id": thisImage, subcomponents: [{ "@id": "pkg:deb/debian/zlib" }] }])),
      "failed",
    ],
    ["of the package", withVex(openVex([{ "@id": "pkg:deb/debian/openssl" }])), "satisfied"],
    [
      "of another version of the package",
      withVex(openVex([{ "@id": "pkg:deb/debian/openssl@3.0.2" }])),
      "failed",
    ],
    ["of nothing, in a file", withVex(openVex(undefined)), "failed"],
    [
      "without a justification",
      withVex(openVex([{ "@id": thisImage }], { justification: undefined })),
      "failed",
    ],
    [
      "with an impact statement",
      withVex(openVex([{ "@id": thisImage }], { justification: undefined, impact_statement: "not called" })),
      "satisfied",
    ],
    ["fixed", withVex(openVex([{ "@id": thisImage }], { status: "fixed" })), "satisfied"],
    [
      "under investigation",
      withVex(openVex([{ "@id": thisImage }], { status: "under_investigation" })),
      "failed",
    ],
    [
      "of another vulnerability",
      withVex(openVex([{ "@id": thisImage }], { vulnerability: { name: "CVE-2" } })),
      "failed",
    ],
    [
      "by an alias",
      withVex(
        openVex([{ "@id": thisImage }], { vulnerability: { name: "GHSA-x", aliases: ["CVE-2026-1"] } }),
      ),
      "satisfied",
    ],
    [
      "taken back later",
      withVex(
        openVex([{ "@id": thisImage }]),
        openVex([{ "@id": thisImage }], { status: "affected" }, "2026-11-30T00:00:00Z"),
      ),
      "failed",
    ],
    [
      "given later",
      withVex(
        openVex([{ "@id": thisImage }], { status: "affected" }, "2026-11-01T00:00:00Z"),
        openVex([{ "@id": thisImage }]),
      ),
      "satisfied",
    ],
    [
      "of CycloneDX",
      withVex({
        bomFormat: "CycloneDX",
        components: [{ "bom-ref": "a", purl }],
        vulnerabilities: [
          {
            id: "CVE-2026-1",
            analysis: { state: "not_affected", justification: "code_not_reachable" },
            affects: [{ ref: "a" }],
          },
        ],
      }),
      "satisfied",
    ],
    [
      "of CycloneDX without a reason",
      withVex({
        bomFormat: "CycloneDX",
        vulnerabilities: [
          { id: "CVE-2026-1", analysis: { state: "not_affected" }, affects: [{ ref: purl }] },
        ],
      }),
      "failed",
    ],
    [
      "attached by a signer, about what it hangs on",
      evidence([statement("https://openvex.dev/ns/v0.2.0", byCi, openVex(undefined))], {
        files: [file(trivy([{}]))],
      }),
      "satisfied",
    ],
    [
      "attached by somebody else",
      evidence(
        [statement("https://openvex.dev/ns/v0.2.0", signedBy("eve@example.com"), openVex(undefined))],
        { files: [file(trivy([{}]))] },
      ),
      "failed",
    ],
  ])("%s", (_, found, outcome) => {
    expect(judge(vulnerabilities(), found).outcome).toBe(outcome);
  });
});

describe("exceptions", () => {
  const exception = (more: Partial<PolicyException> = {}): PolicyException => ({
    ...{ at, until: "2026-11-30", reason: "being rebuilt", by: "alice" },
    ...more,
  });
  const demand: Demand = { kind: "signature", by: [ci] };

  describe("of an image that several projects list", () => {
    const b = { source: parseRepository("other.example.com/q/app"), project: "q" };
    const listed = { ...image, alsoFrom: [{ source: image.source, project: image.project }, b] };
    const [a, ofB] = [
      { images: [{ glob: "staging.example.com/**" }] },
      { images: [{ glob: "other.example.com/**" }] },
    ];
    test.each<[string, PolicyScope, readonly PolicyException[], PolicyVerdict["outcome"] | undefined]>([
      ["a policy about the place that it does not come from", ofB, [], "missing"],
      ["a policy about neither", { projects: [{ glob: "r" }] }, [], undefined],
      ["an exception for one place of two", {}, [exception(a)], "missing"],
      ["an exception for the other one of two", {}, [exception(ofB)], "missing"],
      ["an exception for each", {}, [exception(a), exception(ofB)], "excepted"],
      [
        "one for each, of which one is over",
        {},
        [exception(a), exception({ ...ofB, until: "2026-11-29" })],
        "missing",
      ],
      ["an exception for the place that the policy is about", ofB, [exception(ofB)], "excepted"],
      [
        "an exception for where it goes",
        {},
        [exception({ images: [{ glob: "prod.example.com/**" }] })],
        "excepted",
      ],
    ])("%s", (_, covers, exceptions, outcome) => {
      const policy = { name: "rule", at, mode: "require", covers, demand, exceptions } as const;
      for (const from of [listed, { ...listed, ...b }])
        expect(evaluatePolicies([policy], from, evidence([]), now)[0]?.outcome).toBe(outcome);
    });

    test("a vulnerability is let through where it is for each place", () => {
      const outcomeOf = (...exceptions: readonly PolicyException[]) => {
        const policy = {
          name: "rule",
          at,
          mode: "require",
          covers: {},
          demand: vulnerabilities(),
          exceptions,
        } as const;
        return evaluatePolicies([policy], listed, scanned(trivy([{}])), now)[0]?.outcome;
      };
      const one = { vulnerabilities: ["CVE-2026-1"] };
      expect(outcomeOf(exception({ ...one, ...a }))).toBe("failed");
      expect(outcomeOf(exception({ ...one, ...a }), exception({ ...one, ...ofB }))).toBe("satisfied");
      expect(outcomeOf(exception(one))).toBe("satisfied");
    });
  });

  test.each<[string, PolicyException, PolicyVerdict["outcome"], string]>([
    [
      "holds on its last day",
      exception(),
      "excepted",
      "until 2026-11-30, by alice: being rebuilt; there is no signature",
    ],
    ["is over on the next", exception({ until: "2026-11-29" }), "missing", "its exception is over"],
    ["of this digest", exception({ digests: [image.digest] }), "excepted", ""],
    ["of another digest", exception({ digests: [digestNamed("other")] }), "missing", ""],
    ["of this repository", exception({ images: [{ glob: "prod.example.com/**" }] }), "excepted", ""],
    ["of another repository", exception({ images: [{ glob: "prod.example.com/*" }] }), "missing", ""],
    ["of vulnerabilities alone", exception({ vulnerabilities: ["CVE-2026-1"] }), "missing", ""],
  ])("%s", (_, given, outcome, why) => {
    const verdict = judge(demand, evidence([]), [given]);
    expect(verdict.outcome).toBe(outcome);
    expect(verdict.why).toContain(why);
  });

  test("an image that satisfies the policy needs none", () => {
    const verdict = judge(demand, evidence([signature(byCi)]), [exception({ until: "2026-11-29" })]);
    expect(verdict.outcome).toBe("satisfied");
  });

  test.each<[string, Evidence, PolicyVerdict["outcome"]]>([
    ["missing", evidence([]), "missing"],
    ["unread", evidence([], { unread }), "unreadable"],
    ["not allowed", evidence([signature(signedBy("eve@example.com"))]), "failed"],
  ])("that is over leaves what is %s what it is", (_, found, outcome) => {
    expect(judge(demand, found, [exception({ until: "2026-11-29" })])).toMatchObject({
      outcome,
      why: expect.stringContaining("its exception is over (until 2026-11-29, by alice: being rebuilt)"),
      hint: expect.stringContaining("prolonged"),
    });
  });

  test("one of several holds", () => {
    const given = [exception({ until: "2026-11-01" }), exception({ until: "2027-01-01" })];
    expect(judge(demand, evidence([]), given).outcome).toBe("excepted");
  });

  test.each([
    ["2026-12-01", "satisfied"],
    ["2026-11-01", "failed"],
  ])("of a vulnerability until %s", (until, outcome) => {
    const given = exception({ vulnerabilities: ["CVE-2026-1"], until });
    expect(judge(vulnerabilities(), scanned(trivy([{}])), [given]).outcome).toBe(outcome);
    expect(judge(vulnerabilities(), scanned(trivy([{ id: "CVE-2026-2" }])), [given]).outcome).toBe("failed");
  });
});

const sbom = (by = unsigned, type = "application/spdx+json") => statement(type, by, undefined, "sbom");
const provenance = (uri: string, finishedOn?: string) =>
  statement("https://slsa.dev/provenance/v1", byCi, {
    buildDefinition: { buildType: "b", resolvedDependencies: [{ uri, digest: { sha256: "ab".repeat(32) } }] },
    runDetails: { builder: { id: "b" }, metadata: { finishedOn } },
  });
const based = (name: string, digest?: string) =>
  evidence([], {
    annotations: {
      "org.opencontainers.image.base.name": name,
      ...(digest === undefined ? {} : { "org.opencontainers.image.base.digest": digest }),
    },
  });
const base: Demand = { kind: "base", images: [{ glob: "docker.io/library/*" }], by: [ci] };
const baseSaid: Demand = { ...base, by: [] };
const platforms: Demand = { kind: "platforms", platforms: ["linux/amd64", "linux/arm64"] };
const signed: Demand = { kind: "signature", by: [ci] };
const missing: Demand = { kind: "attestation", predicateType: "x:y", by: [ci] };
const unread = [{ code: "x", message: "gone" }];

describe("what an image contains", () => {
  test.each<[string, Demand, Evidence, PolicyVerdict["outcome"]]>([
    ["an SBOM, bare", { kind: "sbom" }, evidence([sbom()]), "satisfied"],
    ["no SBOM", { kind: "sbom" }, evidence([]), "missing"],
    ["an SBOM in another format", { kind: "sbom", formats: ["cyclonedx"] }, evidence([sbom()]), "missing"],
    ["an SBOM that nobody signed", { kind: "sbom", by: [ci] }, evidence([sbom()]), "failed"],
    [
      "an SBOM that is signed",
      { kind: "sbom", by: [ci] },
      evidence([sbom(byCi, "https://spdx.dev/Document/v2.3")]),
      "satisfied",
    ],
    [
      "an SBOM with a signature that is not true",
      { kind: "sbom" },
      evidence([sbom({ state: "failed", why: "x" })]),
      "failed",
    ],
    [
      "all platforms",
      platforms,
      evidence([], { platforms: [platform("linux/amd64", []), platform("linux/arm64/v8", [])] }),
      "satisfied",
    ],
    ["a platform less", platforms, evidence([], { platforms: [platform("linux/amd64", [])] }), "missing"],
    ["an image for one", platforms, evidence([], { platform: "linux/amd64" }), "missing"],
    ["an image for who knows what", platforms, evidence([]), "missing"],
    ["an image that could not be read", platforms, evidence([], { unread }), "unreadable"],
    ["a base that is allowed", baseSaid, based("docker.io/library/alpine:3.20"), "satisfied"],
    ["a base by its short name", baseSaid, based("alpine:3.20"), "satisfied"],
    ["a base that is not", baseSaid, based("evil/alpine"), "failed"],
    ["a base that the image alone says, where signers are named", base, based("alpine:3.20"), "missing"],
    [
      "a base that the image says otherwise than the signer",
      base,
      { ...based("alpine:3.20"), items: [provenance("docker://registry.example.com/x/base:1")] },
      "failed",
    ],
    [
      "a base that the signer alone says, where none is named",
      baseSaid,
      evidence([provenance("pkg:docker/alpine@3.20?digest=sha256:ab")]),
      "missing",
    ],
    [
      "a base by the digest",
      { ...baseSaid, digests: [digestNamed("base")] },
      based("alpine", digestNamed("base")),
      "satisfied",
    ],
    [
      "a base by another digest",
      { ...baseSaid, digests: [digestNamed("base")] },
      based("alpine", digestNamed("x")),
      "failed",
    ],
    [
      "a base in BuildKit's provenance",
      base,
      evidence([provenance("pkg:docker/alpine@3.20?digest=sha256:ab&platform=linux%2Famd64")]),
      "satisfied",
    ],
    [
      "a base in Waybill's provenance",
      base,
      evidence([provenance("docker://registry.example.com/x/base:1")]),
      "failed",
    ],
    ["no word of a base", base, evidence([]), "missing"],
    ["no word of a base, but something unread", baseSaid, evidence([], { unread }), "unreadable"],
    ["provenance without a base", base, evidence([provenance("git+https://example.com/x")]), "failed"],
  ])("%s", (_, demand, found, outcome) => {
    expect(judge(demand, found).outcome).toBe(outcome);
  });
});

describe("demands together", () => {
  const alice = { kind: "identity", identity: { exact: "alice@example.com" }, issuer: ci.issuer } as const;
  const byAlice = signedBy("alice@example.com");
  const eitherOf: Demand = { kind: "signature", by: [ci, alice] };
  const two: Demand = { kind: "at-least", count: 2, of: [eitherOf, eitherOf] };
  const keyNamed = (name: string): Demand => ({
    kind: "signature",
    by: [{ kind: "key", name, fingerprint: "ab".repeat(32) }],
  });
  const provenanceBy = (by: readonly SignerPattern[]): Demand => ({
    ...{ kind: "provenance", by, builders: [{ id: "https://builder.example.com" }] },
    ...{ sources: ["github.com/example/app"], predicateTypes: [], level: 2 },
  });
  const built: Demand = {
    kind: "at-least",
    count: 2,
    of: [provenanceBy([ci, alice]), provenanceBy([ci, alice])],
  };
  const slsa = (by: SignatureState) =>
    statement("https://slsa.dev/provenance/v0.2", by, {
      builder: { id: "https://builder.example.com" },
      buildType: "b",
      invocation: {
        configSource: { uri: "git+https://github.com/example/app", digest: { sha1: "ab".repeat(20) } },
      },
    });
  const good = evidence([signature(byCi)]);
  const bad = evidence([signature(signedBy("eve@example.com"))]);
  test.each<[string, Demand, Evidence, PolicyVerdict["outcome"]]>([
    ["all, one missing", { kind: "all", of: [signed, missing] }, good, "missing"],
    ["all, one failed", { kind: "all", of: [signed, missing] }, bad, "failed"],
    [
      "all, one unread and one failed",
      { kind: "all", of: [signed, { kind: "broken", why: "x" }] },
      bad,
      "failed",
    ],
    ["any, one of two", { kind: "any", of: [missing, signed] }, good, "satisfied"],
    ["any, none", { kind: "any", of: [missing, missing] }, good, "missing"],
    [
      "any, what is unknown may be enough",
      { kind: "any", of: [signed, { kind: "broken", why: "x" }] },
      bad,
      "unreadable",
    ],
    [
      "two of three",
      { kind: "at-least", count: 2, of: [signed, missing, { kind: "sbom" }] },
      evidence([signature(byCi), sbom()]),
      "satisfied",
    ],
    ["two signatures by one signer", two, good, "missing"],
    ["two by one signer, and something unread", two, { ...good, unread }, "unreadable"],
    ["two by two signers", two, evidence([signature(byCi), signature(byAlice)]), "satisfied"],
    [
      "two by two signers, of whom either demand takes one",
      { kind: "at-least", count: 2, of: [eitherOf, signed] },
      evidence([signature(byCi), signature(byAlice)]),
      "satisfied",
    ],
    [
      "two by one key under two names",
      { kind: "at-least", count: 2, of: [keyNamed("alice"), keyNamed("bob")] },
      evidence([signature(signedWithKey("ab".repeat(32))), signature(signedWithKey("ab".repeat(32)), "x")]),
      "missing",
    ],
    [
      "two on each platform, of which one has one signer",
      two,
      evidence([], {
        platforms: [
          platform("linux/amd64", [signature(byCi), signature(byAlice)]),
          platform("linux/arm64", [signature(byCi)]),
        ],
      }),
      "missing",
    ],
    [
      "two of one kind in other demands, by one signer",
      {
        kind: "at-least",
        count: 2,
        of: [
          { kind: "any", of: [signed, missing] },
          { kind: "all", of: [eitherOf] },
        ],
      },
      good,
      "missing",
    ],
    [
      "two of one kind in other demands, by two signers",
      {
        kind: "at-least",
        count: 2,
        of: [
          { kind: "any", of: [signed, eitherOf] },
          { kind: "all", of: [signed] },
        ],
      },
      evidence([signature(byCi), signature(byAlice)]),
      "satisfied",
    ],
    [
      "one demand that takes two signers, and another by one of these",
      { kind: "at-least", count: 2, of: [{ kind: "all", of: [eitherOf, signed] }, eitherOf] },
      evidence([signature(byCi), signature(byAlice)]),
      "missing",
    ],
    [
      "two SBOMs by one signer",
      {
        kind: "at-least",
        count: 2,
        of: [
          { kind: "sbom", by: [ci] },
          { kind: "sbom", by: [ci, alice] },
        ],
      },
      evidence([sbom(byCi), sbom(byCi, "application/vnd.cyclonedx+json")]),
      "missing",
    ],
    [
      "two SBOMs by two signers",
      {
        kind: "at-least",
        count: 2,
        of: [
          { kind: "sbom", by: [ci] },
          { kind: "sbom", by: [ci, alice] },
        ],
      },
      evidence([sbom(byCi), sbom(byAlice, "application/vnd.cyclonedx+json")]),
      "satisfied",
    ],
    [
      "an SBOM, and the same as an attestation",
      {
        kind: "at-least",
        count: 2,
        of: [
          { kind: "sbom", by: [ci] },
          { kind: "attestation", predicateType: "https://spdx.dev/Document", by: [ci] },
        ],
      },
      evidence([sbom(byCi, "https://spdx.dev/Document")]),
      "missing",
    ],
    ["provenance, twice by one signer", built, evidence([slsa(byCi)]), "missing"],
    ["provenance, twice by two signers", built, evidence([slsa(byCi), slsa(byAlice)]), "satisfied"],
    [
      "provenance on each platform, twice by one signer",
      built,
      evidence([], {
        platforms: [
          platform("linux/amd64", [slsa(byCi), slsa(byAlice)]),
          platform("linux/arm64", [slsa(byAlice)]),
        ],
      }),
      "missing",
    ],
    [
      "statements of two types by one signer",
      { kind: "at-least", count: 2, of: [missing, { ...missing, predicateType: "x:z" }] },
      evidence([statement("x:y", byCi), statement("x:z", byCi)]),
      "satisfied",
    ],
    [
      "a signature and an attestation by one signer",
      { kind: "at-least", count: 2, of: [signed, missing] },
      evidence([signature(byCi), statement("x:y", byCi)]),
      "satisfied",
    ],
    [
      "two of three, and one unknown is not enough",
      { kind: "at-least", count: 2, of: [missing, missing, { kind: "broken", why: "x" }] },
      good,
      "missing",
    ],
  ])("%s", (_, demand, found, outcome) => {
    expect(judge(demand, found).outcome).toBe(outcome);
  });

  test.each<[string, Evidence, PolicyVerdict["outcome"]]>([
    ["an attestation by the signer is no signature", evidence([provenance("x")]), "missing"],
    [
      "a signature of all platforms",
      evidence([], { platforms: [platform("linux/amd64", [signature(byCi)])] }),
      "satisfied",
    ],
    [
      "a signature that could not be verified for want of a trusted root",
      evidence([signature({ state: "unverifiable", why: "no root", lacks: "trusted-root" })]),
      "unreadable",
    ],
    [
      "a signature with a key that nobody knows here",
      evidence([signature({ state: "unverifiable", why: "no key", lacks: "key" })]),
      "failed",
    ],
    ["a signature with a key", evidence([signature(signedWithKey("ab".repeat(32)))]), "failed"],
    ["what was not read does no harm", { ...good, unread }, "satisfied"],
    ["what was not read may have been it", { ...bad, unread }, "unreadable"],
  ])("%s", (_, found, outcome) => {
    expect(judge(signed, found).outcome).toBe(outcome);
  });

  test.each([
    ["2026-11-29T12:00:01Z", "satisfied"],
    ["2026-11-29T11:59:59Z", "failed"],
    ["2026-12-01T00:00:00Z", "failed"],
    [undefined, "failed"],
  ])("a signature of %s, a day old at most", (signedAt, outcome) => {
    const by = signedAt === undefined ? byCi : signedBy("ci@example.com", google, { signedAt });
    expect(judge({ ...signed, maxAge: 86_400 }, evidence([signature(by)])).outcome).toBe(outcome);
  });

  test("what satisfied it travels, and nothing else", () => {
    const found = evidence([signature(byCi, "good"), signature(signedBy("eve@example.com"), "bad")]);
    const { accepted } = judge({ kind: "any", of: [signed, missing] }, found);
    expect(accepted.map(({ manifest }) => manifest)).toEqual([digestNamed("good")]);
  });
});

test("no text of a repository takes an expression or a glob more than linear time", () => {
  const demand: Demand = {
    kind: "signature",
    by: [{ kind: "identity", identity: { expression: "(a+)+$" }, issuer: { expression: ".*" } }],
  };
  const found = evidence([signature(signedBy(`${"a".repeat(5000)}!`))]);
  expect(judge(demand, found).outcome).toBe("failed");
});
