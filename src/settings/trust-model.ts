import type { Place } from "../diagnostics/index.ts";
import type { SecretSetting } from "../secrets/index.ts";

/** Whom to believe, what travels with images, and who signs them: the section `trust`. All paths are absolute. */
export interface TrustSettings {
  /** A `trusted_root.json`: authorities and logs that keyless signatures are verified by. */
  readonly trustedRoot?: string;
  /** Files of public keys, by the names that policies call them. */
  readonly keys?: Readonly<Record<string, string>>;
  /** A `policy.yaml` that holds beside that of the manifests. */
  readonly policy?: string;
  /** What travels with images, in place of what a policy accepts, or of all where none stands. */
  readonly travel?: TravelSetting;
  /** By project, in place of {@link TrustSettings.travel}. */
  readonly projects?: Readonly<Record<string, TravelSetting>>;
  readonly signers?: Readonly<Record<string, SignerSettings>>;
  /** What promotion signs: for each destination the first rule that names it. */
  readonly sign?: readonly SigningRule[];
  /** One of {@link TrustSettings.signers}: signs the provenance of what is built. */
  readonly builds?: string;
}

/**
 * What travels with an image: `accepted`, what a policy has accepted; `all` that hangs there, within bounds; `none`; or kinds of
 * it alone.
 */
export type TravelSetting = "accepted" | "all" | "none" | readonly AttachmentKind[];

/** Kinds of what hangs on an image, as a setting names them. */
export type AttachmentKind = "signatures" | "attestations" | "sboms" | "others";

/** Who signs: exactly one of `key`, `kms` and `keyless`. */
export interface SignerSettings {
  /** A file of a private key: cosign's encrypted form, or PKCS#8. */
  readonly key?: string;
  /** Where its password is; `COSIGN_PASSWORD` without it. */
  readonly password?: SecretSetting;
  /** A key of a key service, as `sigstore-kms-NAME` plugins take it: `NAME://…`. */
  readonly kms?: string;
  readonly keyless?: KeylessSettings;
  /** A `signing_config.json`: which log and timestamp authority a key's signatures go to, or all services of a keyless signer. */
  readonly signingConfig?: string;
}

/** Certificates of some minutes, for the identity that a token proves. */
export interface KeylessSettings {
  /** Where the token comes from. */
  readonly token: "github" | "gitlab" | "google" | TokenSetting;
  /** Whom the token is for: `sigstore` by default. */
  readonly audience?: string;
  /** Whose the certificates are: then no token is needed to find out what was signed already. Together with `issuer`. */
  readonly identity?: string;
  /** The URL of who says that it is this identity. */
  readonly issuer?: string;
}

/** Where a token is: exactly one of them. */
export interface TokenSetting {
  /** A file that holds it alone, absolute. */
  readonly file?: string;
  readonly variable?: string;
  /** A service account of Google's that this process may act as. */
  readonly googleAccount?: string;
}

/** What is signed when it is promoted. */
export interface SigningRule {
  /** Globs of production repositories; all when left out. */
  readonly images?: readonly string[];
  /** Where {@link SigningRule.images} stand, or the rule, when it was read from a file. */
  readonly at?: Place;
  /** One of {@link TrustSettings.signers}. */
  readonly signer: string;
  /** `bundle` by default. */
  readonly layout?: "bundle" | "legacy" | "both";
  /** The name that signatures and records have for the image, `{name}` for its path below the registry of the manifest, `{repository}` by default. */
  readonly identity?: string;
  /** Sign, and summarize, each platform's image as well as the index. */
  readonly platforms?: boolean;
  /** Attach a promotion record. */
  readonly record?: boolean;
  /** Attach a verification summary, signed by this one of {@link TrustSettings.signers}. */
  readonly summary?: string;
}
