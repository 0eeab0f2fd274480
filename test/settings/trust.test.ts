import { describe, expect, it } from "vitest";
import { parseSettings, SettingsError } from "../../src/settings/index.ts";

const file = "/etc/waybill/waybill.yaml";

function trustIn(...lines: readonly string[]) {
  return parseSettings(["trust:", ...lines.map((line) => `  ${line}`), ""].join("\n"), file).trust;
}

function problemsOf(...lines: readonly string[]): string[] {
  try {
    trustIn(...lines);
  } catch (error) {
    if (error instanceof SettingsError)
      return error.diagnostics.map(({ at, message }) => `${at?.line}:${at?.column} ${message}`);
    throw error;
  }
  throw new Error("the text was accepted");
}

describe("who signs, in the settings", () => {
  it("may sign what is promoted and what is built", () => {
    expect(
      trustIn(
        "signers:",
        "  release: { key: keys/release.key, password: { variable: RELEASE_PASSWORD } }",
        "  vault: { kms: 'hashivault://release', signingConfig: signing_config.json }",
        "  ci: { keyless: { token: github }, signingConfig: signing_config.json }",
        "  bot: { keyless: { token: { googleAccount: bot@example.iam.gserviceaccount.com } }, signingConfig: s.json }",
        "sign: [{ images: ['registry.example.com/**'], signer: release, layout: both, summary: vault }]",
        "builds: ci",
      ),
    ).toEqual({
      signers: {
        release: { key: "/etc/waybill/keys/release.key", password: { variable: "RELEASE_PASSWORD" } },
        vault: { kms: "hashivault://release", signingConfig: "/etc/waybill/signing_config.json" },
        ci: { keyless: { token: "github" }, signingConfig: "/etc/waybill/signing_config.json" },
        bot: {
          keyless: { token: { googleAccount: "bot@example.iam.gserviceaccount.com" } },
          signingConfig: "/etc/waybill/s.json",
        },
      },
      sign: [
        {
          images: ["registry.example.com/**"],
          ...{ signer: "release", layout: "both", summary: "vault" },
          at: expect.objectContaining({ line: expect.any(Number) }),
        },
      ],
      builds: "ci",
    });
  });

  it("has to be one of the signers wherever it is named", () => {
    expect(
      problemsOf(
        "signers: { release: { key: release.key } }",
        "sign: [{ signer: relase }, { signer: release, summary: vsa }]",
        "builds: ci",
      ),
    ).toEqual([
      "3:20 relase is no name among the signers",
      "3:58 vsa is no name among the signers",
      "4:11 ci is no name among the signers",
    ]);
  });

  it("signs in one way, and a keyless one by services", () => {
    expect(
      problemsOf(
        "signers:",
        "  none: { password: { variable: X } }",
        "  two: { key: a.key, kms: test://key }",
        "  bare: { keyless: { token: gitlab } }",
        "  where: { keyless: { token: { file: a, variable: B } }, signingConfig: s.json }",
        "  half: { keyless: { token: gitlab, identity: a }, signingConfig: s.json }",
      ),
    ).toEqual([
      "3:11 expected exactly one of: key, kms, keyless",
      "4:10 expected exactly one of: key, kms, keyless",
      "5:11 a keyless signer needs a signingConfig",
      expect.stringMatching(/^6:\d+ /),
      "7:22 identity and issuer go together",
    ]);
  });
});
