import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { isBy, signerOfSpec } from "../../src/policy/signers.ts";
import { openVerifier, publicKeyOf } from "../../src/sigstore/index.ts";
import { forgeries, type Stage } from "./forgeries.ts";
import {
  actions,
  bytesOf,
  image,
  keyed,
  keyless,
  pairOf,
  sigstoreWorld,
  trustedRootOf,
  workflow,
} from "./world.ts";

let stage: Stage;
beforeAll(async () => {
  stage = { world: await sigstoreWorld(), theirs: await sigstoreWorld(), ours: pairOf("P-256") };
});

describe("a forgery", () => {
  test.each(forgeries.map((each) => [each.name, each] as const))("%s", async (_, { read, state, why }) => {
    const { signature } = await read(stage);
    expect(signature.state).toBe(state);
    expect("why" in signature ? signature.why : "").toContain(why);
  });
});

test("the page of signatures has a row for each forgery", () => {
  const page = readFileSync(new URL("../../docs/signatures.md", import.meta.url), "utf8");
  const [, section = ""] = page.split("\n## Forgeries\n");
  const words = { failed: "failed", unverifiable: "not verifiable here", unsigned: "unsigned" };
  const rows = Array.from(
    section.matchAll(/^\| (.+?) +\| (.+?) +\|/gm),
    ([, name, result]) => `${name}: ${result}`,
  );
  expect(rows).toEqual(
    expect.arrayContaining(forgeries.map(({ name, state }) => `${name}: ${words[state]}`)),
  );
});

describe("the identity of a signature that is good", () => {
  const by = (identity: string, issuer = actions) =>
    ({ kind: "certificate", identity, issuer, claims: {} }) as const;
  const escaped = workflow.replaceAll(/[.]/g, "\\.");
  const rules = [
    `sigstore::${actions}::${workflow}`,
    `sigstore(identityMatch=regex)::${actions}::${escaped}`,
  ];

  describe.each(rules)("held against %s", (spec) => {
    const pattern = signerOfSpec(spec);
    if ("fault" in pattern) throw new Error(pattern.fault);

    test("is its own", async () => {
      const verifier = openVerifier({ trustedRoot: await trustedRootOf(stage.world) });
      const { signature } = await verifier.bundle(bytesOf(await keyless(stage.world)), image);
      expect(signature.state === "verified" && isBy(pattern, signature.by)).toBe(true);
    });

    test.each([
      ["another identity", by("https://github.com/other/repo/.github/workflows/release.yml@refs/tags/v1")],
      ["a prefix of the right identity", by(workflow.slice(0, -1))],
      ["a suffix of the right identity", by(workflow.slice(8))],
      ["the right identity with more behind it", by(`${workflow}0`)],
      ["the right identity with more before it", by(`https://evil.example/${workflow}`)],
      ["the right identity in other case", by(workflow.toUpperCase())],
      ["the right identity and a line more", by(`${workflow}\nx`)],
      ["the right identity of another issuer", by(workflow, "https://accounts.google.com")],
      ["the right identity of a longer issuer", by(workflow, `${actions}.evil.example`)],
      ["a key", { kind: "key", fingerprint: workflow, name: workflow } as const],
    ])("is not %s", (_, other) => {
      expect(isBy(pattern, other)).toBe(false);
    });
  });
});

describe("an older attestation that is shown again", () => {
  test("says when it was signed, which its log proves", async () => {
    const verifier = openVerifier({
      trustedRoot: await trustedRootOf(stage.world),
      now: () => new Date(Date.now() + 100 * 24 * 60 * 60 * 1000),
    });
    const { signature } = await verifier.bundle(bytesOf(await keyless(stage.world)), image);
    expect(signature).toMatchObject({ state: "verified", signedAt: expect.any(String) });
    const age = signature.state === "verified" ? Date.now() - Date.parse(signature.signedAt ?? "") : 0;
    expect(age).toBeLessThan(60_000 * 5);
  });

  test("of a key says nothing of when, though it stands in a log of today", async () => {
    const verifier = openVerifier({
      keys: [publicKeyOf(stage.ours.publicKey, "key.pub")],
      trustedRoot: await trustedRootOf(stage.world),
    });
    const { signature } = await verifier.bundle(
      bytesOf(await keyed(stage.ours, { world: stage.world })),
      image,
    );
    expect(signature).toMatchObject({ state: "verified" });
    expect(signature).not.toHaveProperty("signedAt");
  });
});
