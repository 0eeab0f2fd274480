import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { ed25519, ed25519ph } from "@noble/curves/ed25519.js";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/index.ts";
import { isPrehashSignedBy } from "../../src/sigstore/ed25519ph.ts";
import { dsseBytes, inTotoPayload, openVerifier, publicKeyOf } from "../../src/sigstore/index.ts";
import { bytesOf, image, keyed, statementAbout } from "./world.ts";

const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");
const keyOf = (point: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([spkiPrefix, point]), format: "der", type: "spki" });

/** RFC 8032, 7.3: "TEST abc". */
const abc = {
  message: Buffer.from("abc"),
  key: keyOf(Buffer.from("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", "hex")),
  signature: Buffer.from(
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41" +
      "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
    "hex",
  ),
};
/** The order of the group, which scalars have to be below. */
const order = 2n ** 252n + 27742317777372353535851937790883648493n;

describe("Ed25519 with a hash before it", () => {
  test("is as in RFC 8032", () => {
    const key = keyOf(
      ed25519.getPublicKey(
        Buffer.from("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", "hex"),
      ),
    );
    expect(key.equals(abc.key)).toBe(true);
    expect(isPrehashSignedBy(abc.key, abc.message, abc.signature)).toBe(true);
    expect(verify(null, abc.message, abc.key, abc.signature)).toBe(false);
  });

  test("is good for one message, key and form alone", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const plain = sign(null, abc.message, privateKey);
    expect(isPrehashSignedBy(publicKey, abc.message, plain)).toBe(false);
    expect(isPrehashSignedBy(publicKey, abc.message, abc.signature)).toBe(false);
    expect(isPrehashSignedBy(abc.key, Buffer.from("abd"), abc.signature)).toBe(false);
    const others = [ed25519ph.sign(abc.message, secretOf(privateKey), { context: Buffer.from("other") })];
    for (const [at] of abc.signature.entries()) {
      const changed = Buffer.from(abc.signature);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(isPrehashSignedBy(abc.key, abc.message, changed)).toBe(false);
    }
    for (const other of others) expect(isPrehashSignedBy(publicKey, abc.message, other)).toBe(false);
    const short = abc.signature.subarray(0, 63);
    for (const each of [short, Buffer.concat([abc.signature, Buffer.of(0)]), Buffer.of()])
      expect(isPrehashSignedBy(abc.key, abc.message, each)).toBe(false);
  });

  test("is written in one way alone", () => {
    const scalar = Buffer.from(abc.signature.subarray(32)).reverse().toString("hex");
    const large = (BigInt(`0x${scalar}`) + order).toString(16).padStart(64, "0");
    const malleated = Buffer.concat([abc.signature.subarray(0, 32), Buffer.from(large, "hex").reverse()]);
    expect(isPrehashSignedBy(abc.key, abc.message, malleated)).toBe(false);
  });

  test("is never that of a key of small order, whose signature would be good for anything", () => {
    const points = [
      // The neutral element, the point of order 2, and one of order 8; the first again in an encoding that is not its own.
      `01${"00".repeat(31)}`,
      `ec${"ff".repeat(30)}7f`,
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      `ee${"ff".repeat(30)}7f`,
    ];
    const zero = Buffer.alloc(32);
    for (const point of points) {
      const bytes = Buffer.from(point, "hex");
      for (const first of points) {
        const forged = Buffer.concat([Buffer.from(first, "hex"), zero]);
        expect(isPrehashSignedBy(keyOf(bytes), abc.message, forged)).toBe(false);
      }
    }
  });

  test("is nothing of other keys", () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    expect(isPrehashSignedBy(publicKey, abc.message, abc.signature)).toBe(false);
  });
});

describe("a bundle of an Ed25519 key", () => {
  const pair = generateKeyPairSync("ed25519");
  const verifier = openVerifier({ keys: [publicKeyOf(pair.publicKey, "key.pub")] });
  /** A bundle whose signature is over `payload`, and which says `said`. */
  async function prehashed(payload: Buffer, said = payload) {
    const bundle = await keyed(pair, { payload: said });
    const signature = ed25519ph.sign(dsseBytes(inTotoPayload, payload), secretOf(pair.privateKey));
    bundle.dsseEnvelope.signatures.splice(0, 1, { sig: Buffer.from(signature).toString("base64") });
    return bytesOf(bundle);
  }
  const statement = bytesOf(statementAbout(image, "https://sigstore.dev/cosign/sign/v1"));

  test("is verified in either form", async () => {
    for (const bundle of [bytesOf(await keyed(pair)), await prehashed(statement)])
      expect((await verifier.bundle(bundle, image)).signature).toMatchObject({ state: "verified" });
  });

  test("is not, with the signature of another digest", async () => {
    const other = bytesOf(
      statementAbout(digestOf(Buffer.from("another")), "https://sigstore.dev/cosign/sign/v1"),
    );
    const { signature } = await verifier.bundle(await prehashed(other, statement), image);
    expect(signature).toMatchObject({ state: "failed", why: expect.stringContaining("which has not") });
    const told = await verifier.bundle(await prehashed(other), image);
    expect(told.signature).toMatchObject({ state: "failed", why: expect.stringContaining("something else") });
  });

  test("is not, with the key of somebody else", async () => {
    const others = openVerifier({ keys: [publicKeyOf(generateKeyPairSync("ed25519").publicKey, "b.pub")] });
    expect((await others.bundle(await prehashed(statement), image)).signature).toMatchObject({
      state: "unverifiable",
      lacks: "key",
    });
  });
});

function secretOf(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "pkcs8" }).subarray(-32);
}
