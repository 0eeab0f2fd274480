import { join } from "node:path";
import { expect, test } from "vitest";
import { parseSettings } from "../../src/settings/index.ts";
import { signingBySettings } from "../../src/trust/index.ts";
import { signingServices } from "../signing/services.ts";

test("images of a rule that can match nothing are told with their file, line and key", async () => {
  const file = join("/etc", "waybill.yaml");
  const settingsWith = (images: string) =>
    parseSettings(
      [
        "trust:",
        "  signers: { release: { key: release.key } }",
        "  sign:",
        "    - signer: release",
        "      images: [registry.example.com/a/**]",
        "    - signer: release",
        `      images: ['${images}']`,
        "",
      ].join("\n"),
      file,
    ).trust;
  for (const images of ["v1.{30..31}/app", "regex:(", "registry.example.com/Upper"]) {
    const opening = signingBySettings({
      settings: settingsWith(images),
      manifests: "/",
      ...signingServices({}),
    });
    await expect(opening).rejects.toMatchObject({
      code: "invalid-images",
      message: expect.stringContaining(`trust.sign[1].images: ${JSON.stringify(images)} can match nothing`),
      where: `${file}:7:15`,
    });
  }
  const good = await signingBySettings({
    settings: settingsWith("registry.example.com/**"),
    manifests: "/",
    ...signingServices({}),
  });
  expect(good).toBeDefined();
});
