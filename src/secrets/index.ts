export { SecretError, type SecretErrorCode } from "./errors.ts";
export type {
  AwsSecretsSetting,
  AzureVaultSetting,
  CommonManager,
  GoogleSecretsSetting,
  SecretManagerSetting,
  SecretSetting,
  VaultSetting,
} from "./model.ts";
export { localSecrets, openSecrets, type SecretOrigins, type Secrets } from "./secrets.ts";
