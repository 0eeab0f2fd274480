import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { SigningRule } from "../../../src/settings/index.ts";
import { openSigner, type Signer } from "../../../src/signing/index.ts";
import { type ImageSigning, knownSigner, openSigning } from "../../../src/trust/index.ts";
import { privatePem } from "../../signing/keys.ts";
import { signingServices } from "../../signing/services.ts";

/** A signer with a key of its own, in a file of the folder. */
export async function keySigner(folder: string, name = "release"): Promise<Signer> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = `${folder}/${name}.key`;
  await writeFile(key, privatePem(privateKey));
  return openSigner(name, { key }, signingServices());
}

/** What rules sign, with these signers, at a time that is the same in all runs unless another one is given. */
export function signingWith(
  rules: readonly SigningRule[],
  signers: readonly Signer[],
  time = new Date("2026-12-01T12:00:00Z"),
): Promise<ImageSigning> {
  return openSigning(rules, new Map(signers.map((signer) => [signer.name, knownSigner(signer)])), {
    time,
    promoter: { uri: "pkg:generic/waybill", version: "1.0.0" },
    verifier: { id: "pkg:generic/waybill", version: { waybill: "1.0.0" } },
    manifests: {
      pathOf: (file) => file.slice(folderOf(file)),
      repository: "https://github.com/example/manifests",
      commit: "a".repeat(40),
    },
  });
}

function folderOf(file: string): number {
  return file.indexOf("tree/");
}
