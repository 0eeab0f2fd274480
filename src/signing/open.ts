import * as z from "zod/mini";
import { jsonIn } from "../oci/index.ts";
import { legacyAnnotations } from "../sigstore/index.ts";
import { bundleBytes } from "./bundle.ts";
import { envelopeOf, signedBytesOf } from "./envelope.ts";
import { proofAnnotations } from "./legacy.ts";
import type { Signer, SignerOptions, SigningServices } from "./model.ts";
import { openProving } from "./proving.ts";

/**
 * Opens a signer. Nothing is read and nobody is asked yet.
 * @param name What the settings call it.
 * @throws {SigningError} `signer-invalid` for options that say not exactly one of `key`, `kms` and `keyless`.
 */
export function openSigner(name: string, options: SignerOptions, services: SigningServices): Signer {
  const { maker, prove } = openProving(name, options, services);
  return {
    name,
    identity: () => maker.identity(),
    async bundle(statement) {
      const signed = signedBytesOf(statement);
      const { made, proof } = await prove({ layout: "bundle", signed, statement });
      return bundleBytes(statement, made, proof);
    },
    async simpleSigning(payload) {
      const { made, proof } = await prove({ layout: "legacy", signed: payload });
      return {
        [legacyAnnotations.signature]: made.signature.toString("base64"),
        ...proofAnnotations(made, proof),
      };
    },
    async envelope(statement) {
      const signed = signedBytesOf(statement);
      const { made, proof } = await prove({ layout: "legacy", signed, statement });
      const predicateType = predicateTypeOf(statement);
      return {
        bytes: Buffer.from(JSON.stringify(envelopeOf(statement, made.signature))),
        annotations: {
          [legacyAnnotations.signature]: "",
          ...(predicateType !== undefined && { predicateType }),
          ...proofAnnotations(made, proof),
        },
      };
    },
  };
}

const typed = z.object({ predicateType: z.string() });

function predicateTypeOf(statement: Uint8Array): string | undefined {
  return typed.safeParse(jsonIn(Buffer.from(statement).toString("utf8"))).data?.predicateType;
}
