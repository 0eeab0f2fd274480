import type { SubjectPlace } from "../clouds/index.ts";

/** Where a secret is. Exactly one of the three. */
export interface SecretSetting {
  /** A file that holds it alone, absolute. */
  readonly file?: string | undefined;
  readonly variable?: string | undefined;
  /** `MANAGER:PATH` or `MANAGER:PATH#FIELD`, by the name of a manager of secrets; `file:` and `env:` count as such. */
  readonly reference?: string | undefined;
}

/** Who keeps secrets, and as whom it is asked. */
export type SecretManagerSetting =
  | VaultSetting
  | GoogleSecretsSetting
  | AwsSecretsSetting
  | AzureVaultSetting;

/** What is the same of all managers. */
export interface CommonManager {
  /** `file:line`, for messages. */
  readonly where?: string;
}

/** HashiCorp Vault or OpenBao, with secrets in its key-value engine, version 2. */
export interface VaultSetting extends CommonManager {
  readonly kind: "vault";
  /** An origin. */
  readonly address: string;
  readonly namespace?: string;
  /** Where the engine is mounted; `secret` when left out. */
  readonly mount?: string;
  /** How it is logged in to; by a token of its own when left out. */
  readonly auth?: "token" | "kubernetes" | "jwt";
  /** Where the method of logging in is mounted; by its name when left out. */
  readonly authMount?: string;
  /** The role that is logged in with. */
  readonly role?: string;
  /** The token: Vault's own, or that of the cluster or the CI system. */
  readonly token?: SubjectPlace;
}

/** Google Secret Manager. */
export interface GoogleSecretsSetting extends CommonManager {
  readonly kind: "google";
  readonly project: string;
  /** `google` when left out. */
  readonly identity?: string;
}

/** AWS Secrets Manager. */
export interface AwsSecretsSetting extends CommonManager {
  readonly kind: "aws";
  readonly region: string;
  /** `aws` when left out. */
  readonly identity?: string;
}

/** Azure Key Vault. */
export interface AzureVaultSetting extends CommonManager {
  readonly kind: "azure";
  /** An origin. */
  readonly address: string;
  /** `azure` when left out. */
  readonly identity?: string;
}
