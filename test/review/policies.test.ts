import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import { type Digest, parseRepository } from "../../src/oci/index.ts";
import { slsaStatement } from "../../src/provenance/index.ts";
import { formatReviewMarkdown, type Review, type ReviewOptions } from "../../src/review/index.ts";
import { openSigner, type Signer, signatureStatement, statementBytes } from "../../src/signing/index.ts";
import { attachBundle, trustOf } from "../../src/trust/index.ts";
import { privatePem } from "../signing/keys.ts";
import { signingServices } from "../signing/services.ts";
import { testWith } from "../support/programs.ts";
import type { Project } from "../support/tree.ts";
import { codes, digest, openReviewWorld, type ReviewWorld } from "./world.ts";

const test = testWith("git");

let world: ReviewWorld;
let pem: string;
let place: string;

/** Versions, by what is signed: nothing, by the right key, by a stranger, and provenance by the right key. */
const [bare, signed, strange, built] = ["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0"] as const;
const signaturePredicate = "https://sigstore.dev/cosign/sign/v1";
const commit = "9afb85e".padEnd(40, "0");

beforeAll(async () => {
  world = await openReviewWorld([bare, signed, strange, built]);
  const keys = [generateKeyPairSync("ec", { namedCurve: "P-256" }), generateKeyPairSync("ed25519")] as const;
  pem = keys[0].publicKey.export({ format: "pem", type: "spki" }).toString();
  const signerOf = async (name: string, { privateKey }: (typeof keys)[number]): Promise<Signer> => {
    const key = join(world.folder, `${name}.key`);
    await writeFile(key, privatePem(privateKey));
    return openSigner(name, { key }, signingServices({}));
  };
  const [release, stranger] = [await signerOf("release", keys[0]), await signerOf("stranger", keys[1])];
  await sign(signed, release);
  await sign(strange, stranger);
  const subject = digest(world.images[built]) as Digest;
  const statement = slsaStatement({
    subjects: [{ name: "app", digest: subject }],
    source: { repository: "https://github.com/cncf/apisnoop", commit, isDirty: false },
    config: "cloudbuild.yaml",
    substitutions: {},
    engine: "buildah",
    images: [],
    run: { job: "push-app", id: "12" },
    version: "0.1.0",
    startedAt: new Date("2021-04-21T21:08:53Z"),
    finishedAt: new Date("2021-04-21T21:14:20Z"),
  });
  await attach(built, await release.bundle(Buffer.from(JSON.stringify(statement))), statement.predicateType);
});
afterAll(() => world.close());

beforeEach(() => {
  place = world.fresh();
  world.staging.interfere();
});

async function attach(version: string, bundle: Uint8Array, predicateType: string): Promise<void> {
  const descriptor = world.images[version]?.root.descriptor;
  if (descriptor === undefined) throw new Error(`there is no ${version}`);
  const staged = world.registries.repository(parseRepository(`${world.staging.host}/foo/app`));
  await attachBundle(staged, descriptor, bundle, predicateType);
}

async function sign(version: string, by: Signer): Promise<void> {
  const about = { digest: digest(world.images[version]) as Digest };
  await attach(version, await by.bundle(statementBytes(signatureStatement(about))), signaturePredicate);
}

const policyOf = (mode = "require", more = ""): string => `signers:
  release:
    key: |
${pem.trimEnd().replaceAll(/^/gm, "      ")}
rules:
  - name: signed
    mode: ${mode}
    signature: { by: [release] }
${more}`;

const project = (...versions: readonly string[]): Project => ({
  name: "foo",
  source: `${world.staging.host}/foo`,
  destinations: [`${place}/eu`],
  images: {
    app: Object.fromEntries(versions.map((version) => [digest(world.images[version]), [version]])),
  },
});

/** The review of a change that adds a version under a policy that was there before. */
function reviewOf(
  version: string,
  policy: string,
  options: { readonly isOffline?: boolean } = {},
): Promise<Review> {
  const open = world.registries.repository;
  const trust: ReviewOptions["trust"] = (tree) => trustOf({ tree, settings: {}, open });
  return world.change([project()], [project(version)], {
    trust,
    files: { "policy.yaml": policy },
    ...options,
  });
}

/** The cells of a line in the comment. */
const rowOf = (review: Review): string =>
  formatReviewMarkdown(review)
    .split("\n")
    .find((line) => line.includes("images.yaml:") && line.startsWith("|")) ?? "";

describe("a change under a policy", () => {
  test("passes where the right key has signed, and names who, and what travels", async () => {
    const review = await reviewOf(signed, policyOf());
    expect(codes(review)).toEqual({ fails: [], mentions: [] });
    const [line] = review.projects[0]?.lines ?? [];
    expect(line?.travels).toEqual(["Sigstore bundle, signed by the key release"]);
    expect(line?.policies).toMatchObject([{ policy: "signed", outcome: "satisfied" }]);
    const row = rowOf(review);
    expect(row).toContain("travels with it: Sigstore bundle, signed by the key release");
    expect(row).toContain("1 to copy; policy signed satisfied: signed by the key release");
  });

  for (const [version, code] of [
    [bare, "policy-missing"],
    [strange, "policy-failed"],
  ] as const) {
    test(`fails with ${code}, names the policy, and nothing travels`, async () => {
      const review = await reviewOf(version, policyOf());
      expect(codes(review)).toEqual({ fails: [code], mentions: [] });
      expect(review.findings[0]?.related).toMatchObject([{ message: "the policy that demands it" }]);
      expect(review.projects[0]?.lines[0]?.travels).toBeUndefined();
      expect(formatReviewMarkdown(review)).toContain(`- **${code}** at`);
    });
  }

  test("mentions what only warns, and what an exception lets pass", async () => {
    expect(codes(await reviewOf(bare, policyOf("warn")))).toEqual({
      fails: [],
      mentions: ["policy-warning"],
    });
    const exception = `exceptions:
  - rules: [signed]
    digests: ["${digest(world.images[bare])}"]
    until: 2999-12-31
    reason: built by hand
    by: ann@example.com
`;
    const excepted = await reviewOf(bare, policyOf("require", exception));
    expect(codes(excepted)).toEqual({ fails: [], mentions: ["policy-excepted"] });
    expect(excepted.findings[0]?.message).toContain("ann@example.com");
  });

  test("fails where a presubmit's credentials do not suffice to read what vouches for the image", async () => {
    const refuse = (isAll: boolean) =>
      world.staging.interfere((_, { pathname }) =>
        isAll || pathname.includes("/referrers/") ? (response) => response.writeHead(403).end() : undefined,
      );
    refuse(false);
    const review = await reviewOf(signed, policyOf());
    expect(codes(review).fails).toEqual(["policy-unreadable"]);
    expect(review.projects[0]?.lines[0]?.policies).toMatchObject([{ outcome: "unreadable" }]);
    refuse(true);
    expect(codes(await reviewOf(signed, policyOf())).fails).toEqual(["unread"]);
  });

  test("is not evaluated without registries, and says so", async () => {
    const review = await reviewOf(bare, policyOf(), { isOffline: true });
    expect(codes(review)).toEqual({ fails: [], mentions: ["policy-not-evaluated"] });
  });
});

test("provenance that the right key has signed is called verified, with who signed it", async () => {
  const review = await reviewOf(built, policyOf("off"));
  expect(review.projects[0]?.lines[0]?.facts).toMatchObject({
    verifiedBy: "the key release",
    provenance: { commit, run: "push-app/12" },
  });
  const row = rowOf(review);
  expect(row).toContain("by run `push-app/12`");
  expect(row).toContain("verified: signed by the key release");
  expect(row).not.toContain("provenance (not verified)");
});
