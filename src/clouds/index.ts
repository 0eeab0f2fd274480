export type { AwsKey } from "./aws/key.ts";
export type { CloudServices } from "./context.ts";
export { CloudError, type CloudErrorCode } from "./errors.ts";
export {
  type Identities,
  type IdentityOrigins,
  type LoginWish,
  openIdentities,
  type RegistryLogin,
} from "./identities.ts";
export type {
  AwsIdentity,
  AzureIdentity,
  Cloud,
  CommonIdentity,
  GoogleIdentity,
  IdentitySetting,
  SubjectPlace,
} from "./model.ts";
export { cloudRegistries } from "./registries.ts";
export type { SubjectToken } from "./subject.ts";
export type { Held } from "./token.ts";
export type { CloudRequest, CloudWire } from "./wire.ts";
