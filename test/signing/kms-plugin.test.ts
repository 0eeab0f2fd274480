import { verify } from "node:crypto";
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { SigningError } from "../../src/signing/index.ts";
import { openPluginKey } from "../../src/signing/kms-plugin.ts";
import { keyKinds, privatePem } from "./keys.ts";

const folder = mkdtempSync(join(tmpdir(), "waybill-kms-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, "sigstore-kms-test");
copyFileSync(join(import.meta.dirname, "kms-plugin-process.mjs"), program);
chmodSync(program, 0o755);
// Node is found by the first line of the program.
const environment = { PATH: `${folder}:${dirname(process.execPath)}` };

const message = Buffer.from("what is signed");

function keyFile(kind: keyof typeof keyKinds) {
  const { privateKey, publicKey } = keyKinds[kind]();
  const file = join(folder, `${kind.replace(" ", "")}.key`);
  writeFileSync(file, privatePem(privateKey));
  return { file, publicKey };
}

async function failureOf(work: Promise<unknown>): Promise<SigningError> {
  const failure: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(SigningError);
  return failure as SigningError;
}

describe("a key of a key service", () => {
  it.each([
    ["P-256", "sha256"],
    ["P-384", "sha384"],
    ["P-521", "sha512"],
    ["RSA 2048", "sha256"],
    ["Ed25519", null],
  ] as const)("of %s signs by its plugin", async (kind, hash) => {
    const { file, publicKey } = keyFile(kind);
    const key = await openPluginKey(`test://good@${file}`, { environment });
    expect(key.publicKey.key.equals(publicKey)).toBe(true);
    expect(verify(hash, message, publicKey, await key.sign(message))).toBe(true);
  });

  it("says what the plugin says, on one line", async () => {
    const failure = await failureOf(openPluginKey("test://locked", { environment }));
    expect(failure).toMatchObject({ code: "signer-unavailable", where: "test://locked" });
    expect(failure.message).toBe("the key service's plugin will not: key is locked by somebody");
  });

  it("does not take a signature that the key denies", async () => {
    const key = await openPluginKey(`test://wrong@${keyFile("P-256").file}`, { environment });
    const failure = await failureOf(key.sign(message));
    expect(failure.message).toBe("sigstore-kms-test gives a signature that its own key denies");
  });

  it.each([
    ["nothing", "mute", /answers something else than its protocol says: no network/],
    ["more than anybody needs", "chatty", /wrote more than 65536 bytes/],
  ])("fails when it answers %s", async (_, behaviour, words) => {
    const failure = await failureOf(openPluginKey(`test://${behaviour}`, { environment }));
    expect(failure.message).toMatch(words);
  });

  it("does not wait for a plugin without end", async () => {
    const failure = await failureOf(openPluginKey("test://slow", { environment, timeoutMilliseconds: 300 }));
    expect(failure.message).toMatch(/gave no answer within 0.3 seconds/);
  });

  it("is given up with the run", async () => {
    const stop = new AbortController();
    const opening = openPluginKey("test://slow", { environment, signal: stop.signal });
    stop.abort(new Error("the run is over"));
    await expect(opening).rejects.toThrow("the run is over");
  });

  it("needs its plugin in PATH, and never runs one of the working directory", async () => {
    const failure = await failureOf(openPluginKey("test://good", { environment: { PATH: ".:" } }));
    expect(failure.message).toBe("the plugin of the key service is not in PATH: sigstore-kms-test");
  });
});
