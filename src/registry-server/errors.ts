import { WaybillError } from "../errors/index.ts";

/** Why the embedded registry cannot start. */
export type RegistryServerErrorCode =
  | "address-unavailable"
  | "storage-unusable"
  | "htpasswd-invalid"
  | "tls-invalid";

/** A registry that cannot be started; `where` is the folder, file or address at fault. Never holds a secret. */
export class RegistryServerError extends WaybillError<RegistryServerErrorCode> {
  override readonly name = "RegistryServerError";
}
