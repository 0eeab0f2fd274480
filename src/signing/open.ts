import * as z from "zod/mini";
import { bundleBytes } from "./bundle.ts";
import { envelopeOf, signedBytesOf } from "./envelope.ts";
import { SigningError } from "./errors.ts";
import { openKeyFile } from "./key-file.ts";
import { keyMaker } from "./key-maker.ts";
import { openPluginKey } from "./kms-plugin.ts";
import { proofAnnotations, signatureAnnotation } from "./legacy.ts";
import type { SignatureMaker } from "./made-signature.ts";
import type { Signer, SignerOptions, SigningServices } from "./model.ts";

const noProof = { entries: [], timestamps: [] };

/**
 * Opens a signer. Nothing is read and nobody is asked yet.
 * @param name What the settings call it.
 */
export function openSigner(name: string, options: SignerOptions, services: SigningServices): Signer {
  const maker = makerOf(name, options, services);
  return {
    name,
    identity: () => maker.identity(),
    async bundle(statement) {
      return bundleBytes(statement, await maker.sign(signedBytesOf(statement)), noProof);
    },
    async simpleSigning(payload) {
      const made = await maker.sign(payload);
      return {
        [signatureAnnotation]: made.signature.toString("base64"),
        ...proofAnnotations(made, noProof),
      };
    },
    async envelope(statement) {
      const made = await maker.sign(signedBytesOf(statement));
      const bytes = Buffer.from(JSON.stringify(envelopeOf(statement, made.signature)));
      const predicateType = predicateTypeOf(statement);
      return {
        bytes,
        annotations: {
          [signatureAnnotation]: "",
          ...(predicateType !== undefined && { predicateType }),
          ...proofAnnotations(made, noProof),
        },
      };
    },
  };
}

function makerOf(name: string, options: SignerOptions, services: SigningServices): SignatureMaker {
  const { key, kms } = options;
  if (key !== undefined) return keyMaker(() => openKeyFile(key, options, services));
  if (kms !== undefined) return keyMaker(() => openPluginKey(kms, services));
  throw new SigningError("signer-invalid", "it has neither a key, nor a key service, nor an identity", {
    where: name,
  });
}

const typed = z.object({ predicateType: z.string() });

function predicateTypeOf(statement: Uint8Array): string | undefined {
  return typed.safeParse(JSON.parse(Buffer.from(statement).toString("utf8"))).data?.predicateType;
}
