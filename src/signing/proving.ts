import { CloudError, safeUrl } from "../clouds/index.ts";
import { SigningError } from "./errors.ts";
import { openKeyFile } from "./key-file.ts";
import { keyMaker } from "./key-maker.ts";
import { openPluginKey } from "./kms-plugin.ts";
import type { SignatureMaker } from "./made-signature.ts";
import type { KeylessOptions, SignerOptions, SigningServices } from "./model.ts";
import type { ProvenSignature, ToProve } from "./services/prove.ts";
import type { SigningConfig } from "./services/signing-config.ts";
import { openServiceWire, type ServiceWire } from "./services/wire.ts";

/** Who makes the signatures of a signer, and what proves them. */
export interface Proving {
  readonly maker: SignatureMaker;
  prove(asked: ToProve): Promise<ProvenSignature>;
}

/**
 * Finds out of a signer's options who signs, and by what it is proved. What is not needed for a key alone is loaded when it is.
 * @throws {SigningError} `signer-invalid`.
 */
export function openProving(name: string, options: SignerOptions, services: SigningServices): Proving {
  const { key, kms, keyless, signingConfig: file } = options;
  if ([key, kms, keyless].filter((way) => way !== undefined).length !== 1) {
    throw new SigningError("signer-invalid", "it has to have exactly one of: key, kms, keyless", {
      where: name,
    });
  }
  if (keyless !== undefined) return provingKeyless(name, keyless, file, services);
  const maker = keyMaker(() =>
    key === undefined ? openPluginKey(kms ?? "", services) : openKeyFile(key, options, services),
  );
  if (file === undefined) {
    return {
      maker,
      prove: async ({ signed }) => ({
        made: await maker.sign(signed),
        proof: { entries: [], timestamps: [] },
      }),
    };
  }
  return {
    maker,
    prove: provingWith(maker, false, file, services, openServiceWire(services), configOf(file)),
  };
}

function provingKeyless(
  name: string,
  keyless: KeylessOptions,
  file: string | undefined,
  services: SigningServices,
): Proving {
  if (file === undefined) {
    throw new SigningError("signer-invalid", "a keyless signer needs a signing_config.json", { where: name });
  }
  const config = configOf(file);
  const wire = openServiceWire(services);
  const maker = lazyMaker(async () => {
    const [{ keylessMaker }, { certifiedKey }, { identityToken }, { chooseServices }] = await Promise.all([
      import("./keyless/keyless-maker.ts"),
      import("./keyless/fulcio.ts"),
      import("./keyless/token.ts"),
      import("./services/signing-config.ts"),
    ]);
    const { identity, issuer } = keyless;
    return keylessMaker({
      expected:
        identity === undefined || issuer === undefined
          ? undefined
          : { kind: "certificate", identity, issuer },
      token: () => identityToken(keyless, services),
      async certify(token) {
        const choice = { versions: [1], now: now(services), what: "a certificate authority", where: file };
        const [authority] = chooseServices((await config()).caUrls, "one", choice);
        if (authority === undefined) {
          throw new SigningError("signer-invalid", "it names no certificate authority (caUrls)", {
            where: file,
          });
        }
        return certifiedKey(token, tellable(authority.url, file), wire);
      },
    });
  });
  return { maker, prove: provingWith(maker, true, file, services, wire, config) };
}

/** An authority gets the token, which lets whoever has it sign as its bearer. */
function tellable(url: URL, where: string): URL {
  try {
    return safeUrl(url.href, "the certificate authority");
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    throw new SigningError("signer-invalid", error.message, { where, hint: error.hint });
  }
}

function provingWith(
  maker: SignatureMaker,
  isKeyless: boolean,
  where: string,
  services: SigningServices,
  wire: ServiceWire,
  config: () => Promise<SigningConfig>,
): Proving["prove"] {
  return async (asked) => {
    const { signAndProve } = await import("./services/prove.ts");
    return signAndProve(asked, {
      ...{ maker, isKeyless, where, wire, now: () => now(services) },
      config: await config(),
    });
  };
}

function now({ now: clock }: SigningServices): Date {
  return clock?.() ?? new Date();
}

/** A file's configuration, read when it is first needed, and again after a failure. */
function configOf(file: string): () => Promise<SigningConfig> {
  let read: Promise<SigningConfig> | undefined;
  return () => {
    read ??= import("./services/signing-config.ts")
      .then(({ readSigningConfig }) => readSigningConfig(file))
      .catch((error: unknown) => {
        read = undefined;
        throw error;
      });
    return read;
  };
}

function lazyMaker(load: () => Promise<SignatureMaker>): SignatureMaker {
  let loaded: Promise<SignatureMaker> | undefined;
  const maker = () => {
    loaded ??= load();
    return loaded;
  };
  return {
    identity: async () => (await maker()).identity(),
    sign: async (bytes) => (await maker()).sign(bytes),
    drop: () => void loaded?.then((it) => it.drop?.()),
  };
}
