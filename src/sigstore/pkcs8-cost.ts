import { ASN1Obj } from "@sigstore/core";

const pbes2 = "1.2.840.113549.1.5.13";
const pbkdf2 = "1.2.840.113549.1.5.12";
/** Ten times what the strictest advice asks for, and some seconds of work. */
const maxRounds = 10_000_000n;

/**
 * Why opening a private key that is encrypted by PKCS#5 (RFC 8018) would take too long, if so: the file says how many rounds
 * its password goes through, and OpenSSL does as it is told. Only PBES2 with PBKDF2, which `openssl pkcs8 -topk8` writes, is
 * taken.
 */
export function pkcs8Cost(der: Uint8Array): string | undefined {
  try {
    // EncryptedPrivateKeyInfo { { PBES2, { { PBKDF2, { salt, rounds, … } }, cipher } }, data }
    const [algorithm] = ASN1Obj.parseBuffer(Buffer.from(der)).subs;
    const [scheme, parameters] = algorithm?.subs ?? [];
    if (scheme?.toOID() !== pbes2) return "not by PBES2";
    const [derivation] = parameters?.subs ?? [];
    const [way, settings] = derivation?.subs ?? [];
    if (way?.toOID() !== pbkdf2) return "not by PBKDF2";
    const rounds = settings?.subs[1]?.toInteger();
    if (rounds === undefined || rounds < 1n) return "its rounds cannot be read";
    return rounds > maxRounds ? `PBKDF2 with ${rounds} rounds` : undefined;
  } catch {
    return "it cannot be read";
  }
}
