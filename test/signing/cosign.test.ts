import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { hexOf } from "../../src/oci/index.ts";
import { openSigner, promotionRecord, signatureStatement, statementBytes } from "../../src/signing/index.ts";
import { actions, image, sigstoreWorld, trustedRootJson, workflow } from "../sigstore/world.ts";
import { hasProgram } from "../support/programs.ts";
import { keyKinds, privatePem } from "./keys.ts";
import { signingServices } from "./services.ts";
import { serveSigstore, tokenOf } from "./sigstore-server.ts";

const folder = mkdtempSync(join(tmpdir(), "waybill-cosign-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cosign = process.env.WAYBILL_COSIGN ?? "cosign";
const isThere = process.env.WAYBILL_COSIGN !== undefined || hasProgram("cosign");
const run = promisify(execFile);

function written(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** What cosign says of a bundle about the image; rejects when it does not believe it. */
async function verified(bundle: Uint8Array, type: string, ...how: readonly string[]): Promise<string> {
  const about = ["--digest", hexOf(image), "--digestAlg", "sha256", "--type", type];
  const file = written("bundle.json", bundle);
  const args = ["verify-blob-attestation", "--bundle", file, ...about, ...how];
  const { stdout, stderr } = await run(cosign, args, {
    env: { ...process.env, HOME: folder },
    timeout: 60_000,
  });
  return `${stdout}${stderr}`;
}

const about = { digest: image, name: "registry.example.com/app" };
const signature = statementBytes(signatureStatement(about));
const signatureType = "https://sigstore.dev/cosign/sign/v1";

describe.skipIf(!isThere)(
  `cosign believes what is signed here${isThere ? "" : " [skipped: no cosign]"}`,
  () => {
    // It takes SHA-256 for all keys but Ed25519's, so that larger curves are signed with their own hash in vain.
    test.each(["P-256", "Ed25519", "RSA 2048"] as const)("with a key of %s", async (kind) => {
      const { privateKey, publicKey } = keyKinds[kind]();
      const key = written(`${kind}.key`, privatePem(privateKey));
      const pub = written(`${kind}.pub`, publicKey.export({ format: "pem", type: "spki" }).toString());
      const signer = openSigner("release", { key }, signingServices());
      const how = ["--key", pub, "--insecure-ignore-tlog=true"];
      expect(await verified(await signer.bundle(signature), signatureType, ...how)).toContain("Verified OK");
      const record = promotionRecord({
        ...{ digest: image, destination: "registry.example.com/app", time: new Date() },
        promoter: { uri: "https://example.com/waybill", version: "v1" },
      });
      const bundle = await signer.bundle(statementBytes(record));
      expect(await verified(bundle, record.predicateType, ...how)).toContain("Verified OK");
      await expect(verified(bundle, signatureType, ...how)).rejects.toThrow();
    });

    test("without a key, by Rekor 1", async () => {
      const world = await sigstoreWorld();
      const server = await serveSigstore(() => world);
      const signingConfig = written(
        "signing_config.json",
        JSON.stringify({
          mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
          caUrls: [{ url: server.origin }],
          rekorTlogUrls: [{ url: server.origin }],
          rekorTlogConfig: { selector: "ANY" },
        }),
      );
      const file = written("token", tokenOf({ sub: workflow, iss: actions }));
      const keyless = { token: { file } };
      const bundle = await openSigner("release", { keyless, signingConfig }, signingServices()).bundle(
        signature,
      );
      const root = written("trusted_root.json", JSON.stringify(trustedRootJson(world)));
      const by = (identity: string) => [
        ...["--trusted-root", root, "--certificate-identity", identity],
        ...["--certificate-oidc-issuer", actions],
      ];
      expect(await verified(bundle, signatureType, ...by(workflow))).toContain("Verified OK");
      await expect(verified(bundle, signatureType, ...by(`${workflow}0`))).rejects.toThrow();
    });
  },
);
