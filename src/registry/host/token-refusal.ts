import { type Answer, isTransientStatus, NotYet, TransientFailure, waitOf } from "../../http/index.ts";
import type { Credential } from "../credentials/credential.ts";
import { RegistryError } from "../errors.ts";
import { lastingReasonOf } from "./judge.ts";
import { readServerErrors } from "./server-text.ts";

/** What it means that a token service gave no token. @param where The registry, for messages. */
export function tokenRefusal(
  answer: Answer,
  url: URL,
  where: string,
  credential: Credential | undefined,
): RegistryError | TransientFailure {
  const { status } = answer;
  const secrets = credential?.kind === "identity-token" ? [credential.token] : answer.secrets;
  const said = readServerErrors(answer.bytes, secrets);
  const message = `the token service ${url.origin} answered ${status}${said === undefined ? "" : ` (${said.text})`}`;
  if (isTransientStatus(status) && lastingReasonOf(answer) === undefined) {
    if (status === 429) {
      return new NotYet(new RegistryError("rate-limited", message, { where }), waitOf(answer));
    }
    return new TransientFailure(new RegistryError("server-error", message, { where }), waitOf(answer));
  }
  if (status >= 300 && status < 400) {
    return new RegistryError("unsafe-redirect", `${message}, a redirect, which is not followed`, { where });
  }
  if (status !== 400 && status !== 401 && status !== 403) {
    return new RegistryError(status >= 500 ? "server-error" : "unexpected-response", message, { where });
  }
  return new RegistryError("unauthorized", message, {
    where,
    hint:
      credential === undefined
        ? `there is no credential for it here; log in: docker login ${where}`
        : `the credential from ${credential.source} was refused; log in again: docker login ${where}`,
  });
}
