import type { CloudServices, Identities } from "../clouds/index.ts";
import type { Network } from "../http/index.ts";
import type { SecretSetting, Secrets } from "../secrets/index.ts";

/** Signs with one key or identity. Opening one asks nobody: keys are read, and services asked, when something is signed. */
export interface Signer {
  /** What the settings call it. */
  readonly name: string;
  /** By whom its signatures are, without signing anything. @throws {SigningError} */
  identity(): Promise<SignerIdentity>;
  /**
   * A Sigstore bundle v0.3 with a DSSE envelope over these bytes of an in-toto statement, with whatever log entry and timestamp
   * the signer is set to get. @throws {SigningError}
   */
  bundle(statement: Uint8Array): Promise<Uint8Array>;
  /**
   * The annotations of a layer that holds these bytes, as cosign's older layout has them: the signature over them, and what
   * proves who made it and when. @throws {SigningError}
   */
  simpleSigning(payload: Uint8Array): Promise<Readonly<Record<string, string>>>;
  /** A DSSE envelope over these bytes, and annotations of its layer in cosign's older layout. @throws {SigningError} */
  envelope(statement: Uint8Array): Promise<SignedEnvelope>;
}

/** What a layer of cosign's tag `.att` is made of. */
export interface SignedEnvelope {
  readonly bytes: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Whose signatures a signer makes. */
export type SignerIdentity =
  | {
      readonly kind: "key";
      /** PEM, in SPKI's form. */
      readonly publicKey: string;
      /** SHA-256 of the public key in SPKI's DER form, in hex. */
      readonly fingerprint: string;
    }
  | {
      readonly kind: "certificate";
      /** The subject alternative name that Fulcio gives the bearer of such a token: a URI or an e-mail address. */
      readonly identity: string;
      /** The URL of an OpenID Connect issuer. */
      readonly issuer: string;
    };

/** What a signer is made of: exactly one of `key`, `kms` and `keyless`. All paths are absolute. */
export interface SignerOptions {
  /** A file of a private key: cosign's encrypted form, or PKCS#8. */
  readonly key?: string | undefined;
  /** Where its password is; `COSIGN_PASSWORD` without it. */
  readonly password?: SecretSetting | undefined;
  /** A key of a key service, as `sigstore-kms-NAME` plugins take it: `NAME://…`. */
  readonly kms?: string | undefined;
  readonly keyless?: KeylessOptions | undefined;
  /** A `signing_config.json`: which log and timestamp authority a key's signatures go to, or all services of a keyless signer. */
  readonly signingConfig?: string | undefined;
}

/** How a short-lived certificate is got. */
export interface KeylessOptions {
  /** Where the token comes from. */
  readonly token: "github" | "gitlab" | "google" | TokenPlace;
  /** Whom the token is for: `sigstore` by default. */
  readonly audience?: string | undefined;
  /** Whose the certificates are: then no token is needed to find out what was signed already. Together with `issuer`. */
  readonly identity?: string | undefined;
  /** The URL of who says that it is this identity. */
  readonly issuer?: string | undefined;
}

/** Where a token is: exactly one of them. */
export interface TokenPlace {
  readonly file?: string | undefined;
  readonly variable?: string | undefined;
  /** A service account of Google's that this process may act as. */
  readonly googleAccount?: string | undefined;
}

/** What all signers of a run share. */
export interface SigningServices {
  /** The way to authorities and logs. */
  readonly network: Network;
  readonly environment: NodeJS.ProcessEnv;
  /** Passwords, by where the settings say that they are. */
  readonly secrets: Secrets;
  /** Who this process is in clouds and CI systems, which keyless signers get their tokens from. */
  readonly identities: Identities;
  /** Where services of clouds are, for tests. */
  readonly cloudServices?: Pick<CloudServices, "googleIam"> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly listener?: ((event: SigningEvent) => void) | undefined;
  /** The clock, for tests. */
  readonly now?: (() => Date) | undefined;
}

/** What signers tell while they work. */
export type SigningEvent = {
  /** A service wants to be asked less often, or fails for a moment, and is waited for. */
  readonly type: "waiting";
  readonly host: string;
  readonly milliseconds: number;
  readonly reason: string;
};
