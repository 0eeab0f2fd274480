import { WaybillError } from "../errors/index.ts";

/**
 * Why something cannot be told.
 * - `unreachable`: the receiver does not answer.
 * - `no-secret`: an address or a secret that the settings name is not where they say.
 * - `no-receiver`: there is no receiver of this name, or no server that sends mail.
 */
export type NotificationErrorCode = "unreachable" | "no-secret" | "no-receiver";

/** Something cannot be told. */
export class NotificationError extends WaybillError<NotificationErrorCode> {
  override readonly name = "NotificationError";
}
