export type { AwsKey } from "./aws/key.ts";
export { profileIn } from "./aws/profile.ts";
export { askAmazon, domainOf } from "./aws/sign.ts";
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
export { type Held, type Renewed, renewed } from "./token.ts";
export { type CloudRequest, type CloudWire, readAnswer, safeUrl } from "./wire.ts";
