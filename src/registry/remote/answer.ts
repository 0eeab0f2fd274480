import { z } from "zod";
import { formatReference, type RepositoryName, type Target } from "../../oci/index.ts";
import { readBody } from "../body.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import type { HostClient, HostResponse } from "../host/host-client.ts";

const errorBytes = 64 * 1024;

const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string(), message: z.string().nullish(), detail: z.unknown() })),
});

/** Reads a body to its end and forgets it, so that the connection can be used again. */
export async function discard(response: HostResponse): Promise<void> {
  try {
    for await (const _ of response.body) {
      // Only its end matters.
    }
  } catch {
    // What was to be forgotten cannot fail.
  }
}

/** What an answer means that is not the one hoped for. */
export async function refusal(
  response: HostResponse,
  client: HostClient,
  repository: RepositoryName,
  path: string,
  doing: string,
  target?: Target,
): Promise<RegistryError> {
  const where = target === undefined ? repository : formatReference(repository, target);
  const detail = await readErrors(response);
  const said = detail === undefined ? "" : `: ${detail.text}`;
  const make = (code: RegistryErrorCode, message: string, hint?: string) =>
    new RegistryError(code, `${message}${said}`, { where, hint });
  const { status } = response;
  if (status === 401) {
    const source = await client.credentialSource(path);
    return source === undefined
      ? make(
          "unauthorized",
          `${doing}: the registry wants credentials and there are none for it`,
          `log in to ${client.endpoint.host}, for example with: docker login ${client.endpoint.host}`,
        )
      : make(
          "unauthorized",
          `${doing}: the registry refused the credentials from ${source}`,
          "check whether they are current",
        );
  }
  if (status === 403) {
    const source = await client.credentialSource(path);
    return make(
      "denied",
      `${doing} is not allowed`,
      source === undefined
        ? "there are no credentials for this repository"
        : `the credentials are from ${source}`,
    );
  }
  if (status === 429)
    return make(
      "rate-limited",
      `${doing}: too many requests`,
      "set requestsPerSecond for this host in waybill.yaml, or run again later",
    );
  if (status >= 500)
    return make(
      "server-error",
      `${doing}: the registry answered ${status}`,
      "run again later: what is done stays done",
    );
  if (status === 413) return make("manifest-refused", `${doing}: the registry says it is too large`);
  if (status >= 300 && status < 400)
    return make("unsafe-redirect", `${doing}: the registry answered with a redirect (${status})`);
  return make("unexpected-response", `${doing}: the registry answered ${status}`);
}

/** The error list of the distribution specification, cut short and without characters that could fool a terminal. */
export async function readErrors(
  response: HostResponse,
): Promise<{ codes: readonly string[]; text: string } | undefined> {
  try {
    const text = (await readBody(response.body, errorBytes, "")).toString("utf8");
    const { errors } = errorsSchema.parse(JSON.parse(text));
    if (errors.length === 0) return undefined;
    const lines = errors.slice(0, 3).map(({ code, message }) => `${code} ${message ?? ""}`.trim());
    return { codes: errors.map(({ code }) => code), text: printable(lines.join("; ")) };
  } catch {
    return undefined;
  }
}

function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/(https?:\/\/[^\s?]+)\?\S+/g, "$1?…")
    .slice(0, 300);
}
