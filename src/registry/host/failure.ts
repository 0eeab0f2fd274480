import { RegistryError } from "../errors.ts";

/** A failure of the connection, told apart as far as a person can do something about it. */
export function connectionFailure(error: unknown, url: URL, host: string): Error {
  if (error instanceof RegistryError) return error;
  const cause = rootCause(error);
  if (cause instanceof RegistryError) return cause;
  const code = codeOf(cause);
  const target = `${url.protocol}//${url.host}`;
  if (/TIMEOUT|ETIMEDOUT/.test(code)) {
    return new RegistryError("timeout", `${target} does not answer (${code})`, { where: host, cause: error });
  }
  if (/CERT|SSL|TLS|EPROTO|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return new RegistryError("tls", `no secure connection to ${target}: ${messageOf(cause)}`, {
      where: host,
      hint: /WRONG_VERSION|EPROTO/.test(code)
        ? "if the registry speaks plain HTTP, say http: true for it in waybill.yaml"
        : "if its certificate is of an own authority, name that under tls.ca of this host in waybill.yaml",
      cause: error,
    });
  }
  const why = [code, messageOf(cause)].filter((text) => text !== "").join(", ");
  return new RegistryError("unreachable", `${target} cannot be reached: ${why}`, {
    where: host,
    hint:
      code === "UND_ERR_SOCKET" && url.protocol === "https:"
        ? "it closed the connection; if it asks for a client certificate, name one under tls of this host in waybill.yaml"
        : undefined,
    cause: error,
  });
}

function rootCause(error: unknown): unknown {
  let cause = error;
  for (let depth = 0; depth < 5 && cause instanceof Error && cause.cause !== undefined; depth += 1)
    cause = cause.cause;
  return cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error))
    .replace(/[^\x20-\x7e]+/g, " ")
    .slice(0, 200);
}
