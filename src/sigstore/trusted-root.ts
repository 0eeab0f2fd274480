import type { TrustMaterial } from "@sigstore/verify";
import * as z from "zod/mini";
import { messageOf } from "../errors/index.ts";
import { SigstoreError } from "./errors.ts";
import { boundedJson } from "./json.ts";
import { sigstoreLimits } from "./limits.ts";

/** Authorities and logs by which keyless signatures are verified: what a `trusted_root.json` says. */
export interface TrustedRoot {
  /** As the library that verifies has it. */
  readonly material: TrustMaterial;
}

type Authority = TrustMaterial["certificateAuthorities"][number];

const some = z.optional(z.array(z.unknown()).check(z.maxLength(sigstoreLimits.authorities)));
const chain = z.object({
  certChain: z.object({
    certificates: z.array(z.unknown()).check(z.minLength(1), z.maxLength(sigstoreLimits.certificates)),
  }),
});
const authorities = z.optional(z.array(chain).check(z.maxLength(sigstoreLimits.authorities)));

const root = z.object({
  mediaType: z
    .string()
    .check(
      z.regex(/^application\/vnd\.dev\.sigstore\.trustedroot(?:\+json;version=0\.[12]|\.v0\.\d\+json)$/),
    ),
  tlogs: some,
  ctlogs: some,
  certificateAuthorities: authorities,
  timestampAuthorities: authorities,
});

/**
 * A `trusted_root.json` (`application/vnd.dev.sigstore.trustedroot+json;version=0.1`).
 * @param where What to name in errors: the file.
 * @throws {SigstoreError} `invalid-trusted-root`; one thing in it that cannot be used makes all of it unusable, for nobody
 * should have to find out later which signatures are not verified.
 */
export async function readTrustedRoot(bytes: Uint8Array, where: string): Promise<TrustedRoot> {
  const refuse = (message: string, cause?: unknown) =>
    new SigstoreError("invalid-trusted-root", message, {
      where,
      hint: "expected a trusted_root.json, as cosign trusted-root create or a TUF repository of Sigstore gives it",
      cause,
    });
  try {
    const json = boundedJson(bytes, sigstoreLimits.trustedRootBytes, "the file");
    const within = root.safeParse(json);
    if (!within.success) {
      const [issue] = within.error.issues;
      throw refuse(`it is no trusted root: see ${issue?.path.join(".") ?? "its type"}`);
    }
    const [{ TrustedRoot: message }, { toTrustMaterial }, { RememberedCertificate }] = await Promise.all([
      import("@sigstore/protobuf-specs"),
      import("@sigstore/verify"),
      import("./remembered-certificate.ts"),
    ]);
    const material = toTrustMaterial(message.fromJSON(json), () => {
      throw new Error("keys are not in a trusted root");
    });
    const { certificateAuthorities, timestampAuthorities, tlogs, ctlogs } = material;
    for (const { validFor } of [...certificateAuthorities, ...timestampAuthorities, ...tlogs, ...ctlogs]) {
      if (Number.isNaN(validFor.start.getTime()) || Number.isNaN(validFor.end.getTime()))
        throw refuse("one of its times cannot be read");
    }
    const remembered = ({ certChain, validFor }: Authority): Authority => ({
      certChain: certChain.map(({ root: der }) => new RememberedCertificate(der.toDER())),
      validFor,
    });
    return {
      material: {
        ...material,
        certificateAuthorities: certificateAuthorities.map(remembered),
        timestampAuthorities: timestampAuthorities.map(remembered),
      },
    };
  } catch (cause) {
    if (cause instanceof SigstoreError) throw cause;
    throw refuse(`it cannot be used: ${messageOf(cause).slice(0, 300)}`, cause);
  }
}
