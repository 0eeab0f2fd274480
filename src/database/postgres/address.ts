import { readFileSync } from "node:fs";
import type { ClientConfig } from "pg";
import { DatabaseError } from "../errors.ts";

/** Where a server is, and how it is spoken to. */
export interface PostgresAddress {
  /** The URL as it may be shown. */
  readonly where: string;
  readonly connection: Pick<ClientConfig, "host" | "port" | "user" | "password" | "database" | "ssl">;
}

const form = "postgres://USER@HOST:PORT/DATABASE";
const known: ReadonlySet<string> = new Set(["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"]);

/**
 * Reads the URL of a database, as libpq's documentation has it: the host may be a folder with a socket (`?host=/run/postgresql`), and
 * `sslmode` is `disable`, `require` (encrypted, whoever the server is), `verify-ca` or `verify-full`. What is missing comes from
 * `PGUSER`, `PGPASSWORD`, the file of passwords, and so on. Throws {@link DatabaseError} `invalid-url`, which shows nothing of it.
 */
export function readPostgresUrl(text: string): PostgresAddress {
  // The error of Node has the whole text in it, with the password.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["postgres:", "postgresql:"].includes(url.protocol)) {
    throw invalid("this is not the URL of a database");
  }
  const where = shown(url);
  const unknown = [...url.searchParams.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) throw invalid(`this parameter is not known: ${unknown}`, where);
  const host = url.searchParams.get("host") ?? decoded(url.hostname.replace(/^\[(.*)\]$/, "$1"), where);
  const port = url.searchParams.get("port") ?? url.port;
  const database = decoded(url.pathname.slice(1), where);
  return {
    where,
    connection: {
      ...(host === "" ? {} : { host }),
      ...(port === "" ? {} : { port: Number(port) }),
      ...(url.username === "" ? {} : { user: decoded(url.username, where) }),
      ...(url.password === "" ? {} : { password: decoded(url.password, where) }),
      ...(database === "" ? {} : { database }),
      ssl: securityOf(url.searchParams, where),
    },
  };
}

function shown(url: URL): string {
  const copy = new URL(url);
  copy.password = "";
  const host = copy.searchParams.get("host");
  copy.search = host === null ? "" : `?host=${host}`;
  copy.hash = "";
  return copy.href;
}

function decoded(part: string, where: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid("a % stands in it that begins no escape", where);
  }
}

function invalid(message: string, where?: string): DatabaseError {
  return new DatabaseError("invalid-url", message, { where, hint: `write ${form}` });
}

function securityOf(parameters: URLSearchParams, where: string): ClientConfig["ssl"] {
  const mode = parameters.get("sslmode");
  if (mode === null || mode === "disable") return false;
  const file = (name: string) => {
    const path = parameters.get(name);
    if (path === null) return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw invalid(`the file of ${name} cannot be read: ${reason}`, where);
    }
  };
  const [ca, cert, key] = ["sslrootcert", "sslcert", "sslkey"].map(file);
  const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  switch (mode) {
    case "require":
      return { ...files, rejectUnauthorized: false };
    case "verify-ca":
      return { ...files, checkServerIdentity: () => undefined };
    case "verify-full":
      return files;
    default:
      throw invalid(`sslmode is disable, require, verify-ca or verify-full here, not ${mode}`, where);
  }
}
