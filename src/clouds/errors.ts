import { WaybillError } from "../errors/index.ts";

/**
 * Why there is nothing to show to a cloud.
 * - `identity-missing`: neither settings nor environment say who this process is there, or no identity has that name.
 * - `identity-invalid`: a file, a variable or an address that should say so means nothing, or may not be used.
 * - `identity-refused`: the cloud, or the CI system, understood, and will not.
 * - `identity-unreachable`: whoever gives tokens does not answer, or with something else.
 */
export type CloudErrorCode =
  | "identity-missing"
  | "identity-invalid"
  | "identity-refused"
  | "identity-unreachable";

/** A token of a cloud that cannot be had. Never holds a secret. */
export class CloudError extends WaybillError<CloudErrorCode> {
  override readonly name = "CloudError";
}
