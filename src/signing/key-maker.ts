import type { SignatureMaker } from "./made-signature.ts";
import { pemOf, type SigningKey } from "./signing-key.ts";

/** Signatures of one key, which is opened when it is first needed, and tried again when that has failed. */
export function keyMaker(open: () => Promise<SigningKey>): SignatureMaker {
  let opened: Promise<SigningKey> | undefined;
  const key = (): Promise<SigningKey> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    async identity() {
      const { publicKey } = await key();
      return { kind: "key", publicKey: pemOf(publicKey.key), fingerprint: publicKey.fingerprint };
    },
    async sign(bytes) {
      const { publicKey, sign } = await key();
      return { signature: await sign(bytes), publicKey };
    },
  };
}
