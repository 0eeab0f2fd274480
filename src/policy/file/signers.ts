import { described, made, mapping, record, type Shape } from "../../schema/index.ts";
import { readPublicKey } from "../../sigstore/index.ts";
import type { SignerPattern } from "../rule.ts";
import { expressionFault } from "../text-pattern.ts";
import { nameFault, words } from "./values.ts";

/** A signer as it stands in a file: a key by its name or in PEM, or an identity with its issuer. */
export interface WrittenSigner {
  readonly pattern: SignerPattern;
  /** A key that stands in the file itself. */
  readonly pem?: string | undefined;
}

/** @param keys Fingerprints of keys by the names of the settings; without it nobody has looked, and any name may be one. */
export function signersShape(
  keys: Readonly<Record<string, string>> | undefined,
): Shape<Readonly<Record<string, WrittenSigner>>> {
  const signer = made(
    mapping(
      "a signer",
      {
        key: words("A public key in PEM, or the name of one among the settings' trust.keys."),
        issuer: words("The URL of the OpenID Connect issuer, exactly: https://accounts.google.com."),
        identity: words("The subject of the certificate, exactly: a URI or an e-mail address."),
        identityMatches: words(
          "An expression of RE2 that the subject of the certificate fits as a whole.",
          (written) => {
            const fault = expressionFault(written);
            return fault === undefined ? undefined : `no expression of RE2: ${fault}`;
          },
        ),
      },
      {
        check: ({ known }, node, { findings }) => {
          const ways = ["key", "identity", "identityMatches"].filter((way) => known.has(way));
          if (ways.length !== 1)
            findings.report(
              "invalid-value",
              node.start,
              "expected exactly one of: key, identity, identityMatches",
            );
          else if (!known.has("key") && !known.has("issuer"))
            findings.report(
              "missing-key",
              node.start,
              "issuer is missing",
              "whoever runs an issuer can give any identity: say which one is believed",
            );
          else if (known.has("key") && known.has("issuer"))
            findings.report("invalid-value", node.start, "a key has no issuer");
        },
      },
    ),
    ({ key, issuer, identity, identityMatches }, node, { findings }): WrittenSigner | undefined => {
      if (key !== undefined) {
        if (!key.includes("-----BEGIN")) {
          const fingerprint = keys?.[key];
          if (keys !== undefined && fingerprint === undefined) {
            const hint = "name it in the settings, section trust.keys, or put its PEM here";
            findings.report("invalid-value", node.start, `no key is called ${key}`, hint);
            return undefined;
          }
          return { pattern: { kind: "key", name: key, fingerprint } };
        }
        try {
          const { fingerprint } = readPublicKey(key, findings.file);
          return { pattern: { kind: "key", fingerprint }, pem: key };
        } catch (error) {
          findings.report("invalid-value", node.start, `no public key: ${(error as Error).message}`);
          return undefined;
        }
      }
      if (issuer === undefined) return undefined;
      const subject =
        identity !== undefined
          ? { exact: identity }
          : identityMatches !== undefined
            ? { expression: identityMatches }
            : undefined;
      return subject && { pattern: { kind: "identity", identity: subject, issuer: { exact: issuer } } };
    },
  );
  return described(record(signer, nameFault), "Who may sign, by name.");
}
