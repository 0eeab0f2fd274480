import { SecretError, type SecretSetting, type Secrets } from "../secrets/index.ts";
import { NotificationError } from "./errors.ts";

/** Reads a secret anew for each use, so that it can be replaced. @throws {NotificationError} `no-secret`. */
export async function readSecret(place: SecretSetting, secrets: Secrets): Promise<string> {
  const text = await secrets.read(place).catch((cause: unknown) => {
    if (!(cause instanceof SecretError)) throw cause;
    const { message, where, hint } = cause;
    throw new NotificationError("no-secret", `there is no address or secret: ${message}`, {
      where,
      hint,
      cause,
    });
  });
  return text.trim();
}
