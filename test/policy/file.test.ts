import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDiagnostic } from "../../src/diagnostics/index.ts";
import { evaluatePolicies, type PolicyFileContext, parsePolicyFile } from "../../src/policy/index.ts";
import { fingerprintOf } from "../../src/sigstore/index.ts";
import { evidence, google, image, now, signature, signedBy, signedWithKey } from "./evidence.ts";

const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = publicKey.export({ format: "pem", type: "spki" }).toString();
const fingerprint = fingerprintOf(publicKey);

function read(text: string, context: Partial<PolicyFileContext> = {}) {
  return parsePolicyFile(text, "policy.yaml", { now, ...context });
}

function faults(text: string, context: Partial<PolicyFileContext> = {}): string[] {
  return read(text, context).diagnostics.map((found) => formatDiagnostic(found).split("\n")[0] ?? "");
}

const signers = `
signers:
  ci: { issuer: ${google}, identity: ci@example.com }
  team: { issuer: ${google}, identityMatches: ".*@example\\\\.com" }
`;

const full = `
signers:
  release:
    key: |
${pem.replace(/^/gm, "      ").trimEnd()}
  named: { key: production }
  ci: { issuer: ${google}, identity: ci@example.com }
rules:
  - name: signed
    images: prod.example.com/**
    projects: [p, q-*]
    mode: warn
    atLeast:
      count: 2
      of:
        - signature: { by: [release, named] }
        - attestation: { type: https://spdx.dev/Document, by: ci, maxAge: 30d }
        - provenance:
            by: [ci, release]
            builders: [https://builder.example.com, { id: https://b.example.com, level: 2, signers: ci }]
            sources: github.com/example/p
            types: [https://spdx.dev/Document]
            level: 2
            maxAge: 12h
  - name: content
    all:
      - sbom: { formats: [spdx] }
      - platforms: [linux/amd64, linux/arm64/v8]
      - base: { images: [docker.io/library/*], by: ci }
      - vulnerabilities:
          below: high
          by: ci
          reports: [reports]
          vex: [vex.json]
          maxAge: 7d
          unknown: low
          fixedOnly: true
          graceDays: { high: 30, critical: 7 }
          graceFrom: fix
      - any: [{ sbom: {} }, { sbom: { by: ci } }]
exceptions:
  - rules: content
    images: prod.example.com/old/**
    until: 2026-12-31
    reason: being rebuilt
    by: alice@example.com
`;

describe("what a file says", () => {
  test("all that may stand in it", () => {
    const { policies, keys, files, diagnostics } = read(full, { keys: { production: "ab".repeat(32) } });
    expect(diagnostics.map(({ code }) => code)).toEqual(["exception-holds"]);
    expect(keys).toEqual({ release: pem });
    expect(files).toEqual(["reports", "vex.json"]);
    const release = { kind: "key", name: "release", fingerprint };
    const ci = {
      kind: "identity",
      name: "ci",
      identity: { exact: "ci@example.com" },
      issuer: { exact: google },
    };
    expect(policies[0]).toEqual({
      name: "signed",
      at: { file: "policy.yaml", line: 12, column: 5 },
      mode: "warn",
      covers: { images: [{ glob: "prod.example.com/**" }], projects: [{ glob: "p" }, { glob: "q-*" }] },
      exceptions: [],
      demand: {
        kind: "at-least",
        count: 2,
        of: [
          {
            kind: "signature",
            by: [release, { kind: "key", name: "named", fingerprint: "ab".repeat(32) }],
          },
          { kind: "attestation", predicateType: "https://spdx.dev/Document", by: [ci], maxAge: 2_592_000 },
          {
            kind: "provenance",
            by: [ci, release],
            builders: [
              { id: "https://builder.example.com", signers: undefined },
              { id: "https://b.example.com", level: 2, signers: [0] },
            ],
            sources: ["github.com/example/p"],
            predicateTypes: ["https://spdx.dev/Document"],
            level: 2,
            maxAge: 43_200,
          },
        ],
      },
    });
    expect(policies[1]).toMatchObject({
      mode: "require",
      covers: {},
      exceptions: [{ until: "2026-12-31", by: "alice@example.com", reason: "being rebuilt" }],
      demand: {
        kind: "all",
        of: [
          { kind: "sbom", formats: ["spdx"] },
          { kind: "platforms", platforms: ["linux/amd64", "linux/arm64/v8"] },
          { kind: "base", images: [{ glob: "docker.io/library/*" }], by: [ci] },
          {
            kind: "vulnerabilities",
            below: "high",
            unknown: "low",
            fixedOnly: true,
            graceDays: { high: 30, critical: 7 },
            graceFrom: "fix",
          },
          { kind: "any", of: [{ kind: "sbom" }, { kind: "sbom", by: [ci] }] },
        ],
      },
    });
  });

  test("no rules at all is a policy", () => {
    expect(read("rules: []\n")).toEqual({ policies: [], keys: {}, files: [], diagnostics: [] });
  });

  test("a key and an identity are whom they name", () => {
    const { policies } = read(`${full}`);
    const both = policies.slice(0, 1);
    const found = (by: Parameters<typeof signature>[0]) =>
      evaluatePolicies(both, image, evidence([signature(by)]), now)[0]?.why;
    expect(found(signedWithKey(fingerprint))).toContain("1 of 2");
    expect(found(signedBy("ci@example.com"))).toContain("0 of 2");
  });
});

describe("faults, each at its place", () => {
  test.each([
    ["nothing", "", "policy.yaml: error: rules is missing [missing-key]"],
    ["a list", "- a\n", "policy.yaml:1:1: error: expected a mapping, found a list [wrong-type]"],
    ["no YAML", "rules: [\n", "[yaml-syntax]"],
    ["an unknown key at the top", "rule: []\nrules: []\n", '1:1: error: unknown key "rule"'],
    [
      "an unknown key of a rule",
      `${signers}rules: [{ name: a, image: x, sbom: {} }]`,
      '5:20: error: unknown key "image"',
    ],
    ["a rule without a name", "rules: [{ sbom: {} }]", "name is missing"],
    ["a rule that demands nothing", "rules: [{ name: a }]", "expected exactly one of: all, any"],
    [
      "a rule that demands two things",
      "rules: [{ name: a, sbom: {}, platforms: [linux/amd64] }]",
      "expected exactly one of",
    ],
    ["two rules of one name", "rules: [{ name: a, sbom: {} }, { name: a, sbom: {} }]", "[duplicate-rule]"],
    [
      "no signer of that name",
      "rules: [{ name: a, signature: { by: ci } }]",
      'no signer is called "ci" [unknown-signer]',
    ],
    ["no signers", `${signers}rules: [{ name: a, signature: { by: [] } }]`, "expected at least one"],
    ["a signature by nobody", `${signers}rules: [{ name: a, signature: {} }]`, "by is missing"],
    [
      "an identity without an issuer",
      "signers: { a: { identity: x@example.com } }\nrules: []",
      "issuer is missing",
    ],
    [
      "a signer who is two",
      `signers: { a: { key: k, identity: x } }\nrules: []`,
      "expected exactly one of: key",
    ],
    [
      "no expression",
      `signers: { a: { issuer: i, identityMatches: "(" } }\nrules: []`,
      "no expression of RE2",
    ],
    [
      "what RE2 has not",
      `signers: { a: { issuer: i, identityMatches: "(?=a)" } }\nrules: []`,
      "no expression of RE2",
    ],
    [
      "an expression that is too long",
      `signers: { a: { issuer: i, identityMatches: ${"a".repeat(2001)} } }\nrules: []`,
      "2000 characters",
    ],
    [
      "no key",
      'signers: { a: { key: "-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----" } }\nrules: []',
      "no public key",
    ],
    [
      "more than there are",
      `rules: [{ name: a, atLeast: { count: 2, of: [{ sbom: {} }] } }]`,
      "2 of 1 can never be",
    ],
    [
      "a type that is no URI",
      `${signers}rules: [{ name: a, attestation: { type: spdx, by: ci } }]`,
      "expected the URI of a type",
    ],
    ["a glob with braces", "rules: [{ name: a, images: 'x/{a,b}', sbom: {} }]", "no glob"],
    [
      "an age without a unit",
      `${signers}rules: [{ name: a, signature: { by: ci, maxAge: 30 } }]`,
      "expected an age",
    ],
    [
      "nobody's reports",
      "rules: [{ name: a, vulnerabilities: { below: high } }]",
      "by or reports is missing",
    ],
    [
      "an unknown severity",
      "rules: [{ name: a, vulnerabilities: { below: unknown, reports: r } }]",
      "expected negligible",
    ],
    [
      "a way out of the folder",
      "rules: [{ name: a, vulnerabilities: { below: high, reports: ../x } }]",
      "below the folder",
    ],
    [
      "a builder of a stranger",
      `${signers}rules: [{ name: a, provenance: { by: ci, sources: [x], builders: [{ id: b, signers: team }] } }]`,
      "none of by",
    ],
    [
      "an exception of nothing",
      "rules: []\nexceptions: [{ until: 2026-12-31, reason: r, by: b }]",
      "nothing says what is let through",
    ],
    [
      "an exception without a reason",
      "rules: []\nexceptions: [{ images: x, until: 2026-12-31, by: b }]",
      "reason is missing",
    ],
    [
      "an exception without an end",
      "rules: []\nexceptions: [{ images: x, reason: r, by: b }]",
      "until is missing",
    ],
    [
      "a day that is none",
      "rules: []\nexceptions: [{ images: x, reason: r, by: b, until: 2026-02-30 }]",
      "expected a day",
    ],
    [
      "an exception of no rule",
      "rules: []\nexceptions: [{ rules: x, reason: r, by: b, until: 2026-12-31 }]",
      "[unknown-rule]",
    ],
    [
      "an exception that is over",
      "rules: []\nexceptions: [{ images: x, reason: r, by: b, until: 2026-11-29 }]",
      "error: the exception is over since the end of 2026-11-29 (b: r) [exception-over]",
    ],
  ])("%s", (_, text, fault) => {
    expect(faults(text).join("\n")).toContain(fault);
  });

  test("a key that the settings do not know, where they were looked at", () => {
    const text = "signers: { a: { key: k } }\nrules: [{ name: r, signature: { by: a } }]";
    expect(faults(text)).toEqual([]);
    expect(faults(text, { keys: {} }).join("\n")).toContain("no key is called k");
  });

  test("demands within demands, and more of them than anybody reads", () => {
    const deep = (depth: number): string => (depth === 0 ? "{ sbom: {} }" : `{ all: [${deep(depth - 1)}] }`);
    expect(faults(`rules: [{ name: a, all: [${deep(2)}] }]`)).toEqual([]);
    expect(faults(`rules: [{ name: a, all: [${deep(3)}] }]`).join()).toContain("4 deep at most");
    const wide = Array.from({ length: 150 }, () => "{ sbom: {} }").join(", ");
    const rules = Array.from({ length: 20 }, (_, index) => `{ name: r${index}, all: [${wide}] }`);
    expect(faults(`rules: [${rules.join(",\n")}]`).join()).toContain("[too-many-demands]");
  });
});

describe("what is wrong lets nothing pass", () => {
  const good = evidence([signature(signedBy("ci@example.com"))]);
  const outcomes = (text: string, context: Partial<PolicyFileContext> = {}) =>
    evaluatePolicies(read(text, context).policies, image, good, now).map(
      ({ policy, outcome, mode }) => `${policy} ${outcome} ${mode}`,
    );

  test.each([
    ["the file", "rules: [", ["policy unreadable require"]],
    ["an unknown section", "rules: []\nrulse: []", ["policy unreadable require"]],
    ["a rule", "rules: [{ name: a, sbom: { by: nobody } }]", ["a unreadable require"]],
    [
      "a rule that only warns",
      "rules: [{ name: a, mode: warn, sbom: { by: nobody } }]",
      ["a unreadable warn"],
    ],
    [
      "a rule of other images",
      "rules: [{ name: a, images: other.example.com/**, sbom: { by: nobody } }]",
      [],
    ],
    ["which images it is of", "rules: [{ name: a, images: 'other/{x', sbom: {} }]", ["a unreadable require"]],
    [
      "a key of a rule",
      "rules: [{ name: a, images: other.example.com/**, imags: x, sbom: {} }]",
      ["a unreadable require"],
    ],
    [
      "a signer stops the rules that name him",
      `${signers}  odd: { identity: x }\nrules: [{ name: a, signature: { by: ci } }, { name: b, signature: { by: odd } }]`,
      ["a satisfied require", "b unreadable require"],
    ],
    [
      "an exception is none",
      `${signers}rules: [{ name: a, signature: { by: ci } }]\nexceptions: [{ rules: a }]`,
      ["a satisfied require"],
    ],
  ])("%s", (_, text, expected) => {
    expect(outcomes(text)).toEqual(expected);
  });
});

test("whatever a file holds, it is read to its end, and faults let nothing pass", () => {
  const lines = full.split("\n");
  fc.assert(
    fc.property(fc.nat(lines.length - 1), fc.string({ maxLength: 20 }), fc.nat(3), (at, junk, how) => {
      const changed = [...lines];
      if (how === 0) changed.splice(at, 1);
      else if (how === 1) changed.splice(at, 0, junk);
      else if (how === 2) changed[at] = `${changed[at]}${junk}`;
      else changed[at] = (changed[at] ?? "").replace(/\w+/, junk);
      const { policies, diagnostics } = read(changed.join("\n"));
      const errors = diagnostics.filter(({ severity }) => severity === "error");
      // Nothing hangs on this image: only what is about other images, or does not demand anything, leaves it alone.
      const verdicts = evaluatePolicies(policies, image, evidence([]), now);
      expect(verdicts.every(({ outcome }) => outcome !== "satisfied")).toBe(true);
      if (errors.length > 0 && errors.every(({ at }) => at !== undefined && at.line < 40))
        expect(verdicts.length).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});

test("what was written comes back: any mix of demands", () => {
  const leaf = fc.constantFrom<[string, string]>(
    ["sbom: {}", "sbom"],
    ["platforms: [linux/amd64]", "platforms"],
    ["signature: { by: ci }", "signature"],
    ["base: { images: ['**'] }", "base"],
  );
  const demand = fc.letrec<{ node: [string, unknown] }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 2, depthSize: "small" },
      leaf,
      fc
        .tuple(fc.constantFrom("all", "any"), fc.array(tie("node"), { minLength: 1, maxLength: 3 }))
        .map(([word, of]): [string, unknown] => [
          `${word}: [${of.map(([text]) => `{ ${text} }`).join(", ")}]`,
          { [word]: of.map(([, shape]) => shape) },
        ]),
    ),
  })).node;
  const shapeOf = (given: { readonly kind: string; readonly of?: readonly never[] }): unknown =>
    given.of === undefined ? given.kind : { [given.kind]: given.of.map(shapeOf) };
  fc.assert(
    fc.property(demand, ([text, shape]) => {
      const { policies, diagnostics } = read(`${signers}rules: [{ name: a, ${text} }]`);
      expect(diagnostics).toEqual([]);
      expect(policies.map(({ demand }) => shapeOf(demand as never))).toEqual([shape]);
    }),
    { numRuns: 100 },
  );
});
