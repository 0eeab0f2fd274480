import * as z from "zod/mini";
import type { SecretSource } from "../cloudbuild/index.ts";
import { errorCodeOf, readNamed } from "../disk/index.ts";
import { harmless, messageOf } from "../errors/index.ts";
import type { Network } from "../http/index.ts";
import { BuildError } from "./errors.ts";
import { openGoogleWire, type TokenSource } from "./google-wire.ts";

/** Bytes of the largest secret, as in Secret Manager. */
const maxSecretBytes = 64 * 1024;

export interface SecretManagerAccess {
  readonly token: TokenSource;
  readonly signal: AbortSignal;
  /** How Google is reached; by the environment of this process without it. */
  readonly network?: Network | undefined;
  readonly origin?: string;
}

/**
 * Finds the secrets that steps ask for: what was given comes first, then Secret Manager, where the file names a version
 * there. Values are taken byte for byte, as Secret Manager does: a newline at the end of a file is part of the secret.
 * @param given `NAME=@file`, `NAME=env:VARIABLE`, or `NAME` for the variable of the same name. A value itself is refused: a
 *   command line is read by others.
 * @throws {BuildError} `secret-missing`, naming every one that is; `secret-refused` for what cannot be one.
 */
export async function findSecrets(
  wanted: readonly SecretSource[],
  given: readonly string[],
  environment: NodeJS.ProcessEnv,
  secretManager?: SecretManagerAccess,
): Promise<ReadonlyMap<string, string>> {
  const places = new Map(given.map(readPlace));
  const known = new Set(wanted.map(({ env }) => env));
  const stray = [...places.keys()].find((name) => !known.has(name));
  if (stray !== undefined) throw refused(stray, "no step asks for it", "secretEnv names what steps ask for");

  const secrets = new Map<string, string>();
  const missing: SecretSource[] = [];
  for (const source of wanted) {
    const place = places.get(source.env);
    // Each variant wants it.
    if (secrets.has(source.env) || missing.some(({ env }) => env === source.env)) continue;
    if (place !== undefined) secrets.set(source.env, await place(environment));
    else if (source.version !== undefined && secretManager !== undefined) {
      const value = await accessVersion(source.env, source.version, secretManager).catch(withoutLogin);
      if (value === undefined) missing.push(source);
      else secrets.set(source.env, value);
    } else missing.push(source);
  }
  if (missing.length > 0) throw missingSecrets(missing);
  return secrets;
}

/** Who is not logged in to Google is told of all ways to give a secret, not of that one alone. */
function withoutLogin(error: unknown): undefined {
  if (error instanceof BuildError && error.code === "cloud-build-refused") return undefined;
  throw error;
}

type Place = (environment: NodeJS.ProcessEnv) => Promise<string>;

function readPlace(given: string): readonly [string, Place] {
  const [, name = "", place] = /^([^=]*)(?:=([\s\S]*))?$/.exec(given) ?? [];
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new BuildError("secret-refused", "a secret has to be named like an environment variable", {
      hint: spellings,
    });
  }
  if (place === undefined) return [name, ofVariable(name, name)];
  if (/^env:./.test(place)) return [name, ofVariable(name, place.slice("env:".length))];
  if (/^@./.test(place)) return [name, async () => textOf(name, await readBounded(name, place.slice(1)))];
  const message = "it says neither a file nor a variable; a value itself would be seen by others";
  throw refused(name, message, spellings);
}

const spellings =
  "--secret NAME=@file, --secret NAME=env:VARIABLE, or --secret NAME for the variable of that name";

function ofVariable(secret: string, variable: string): Place {
  return async (environment) => {
    const value = environment[variable];
    if (value !== undefined) return textOf(secret, Buffer.from(value));
    throw refused(secret, `the environment has no ${harmless(variable)}`, spellings);
  };
}

async function readBounded(secret: string, path: string): Promise<Buffer> {
  try {
    return (await readNamed(path, maxSecretBytes)).bytes;
  } catch (error) {
    if (errorCodeOf(error) === "EFBIG") throw tooLarge(secret);
    throw refused(secret, `its file cannot be read: ${harmless(messageOf(error))}`, spellings);
  }
}

function tooLarge(secret: string): BuildError {
  return refused(secret, "it is larger than 64 KiB", undefined);
}

/** What the environment of a step can hold. */
function textOf(secret: string, bytes: Buffer): string {
  if (bytes.length > maxSecretBytes) throw tooLarge(secret);
  const text = Buffer.from(bytes).toString("utf8");
  if (text.includes("\0") || !Buffer.from(text).equals(bytes)) {
    throw refused(secret, "it is no text, which a variable cannot hold", "encode it, in base64 for example");
  }
  return text;
}

const accessed = z.object({ payload: z.object({ data: z.string() }) });

/** https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access */
async function accessVersion(secret: string, version: string, access: SecretManagerAccess): Promise<string> {
  if (!/^projects\/[\w:.-]+(?:\/locations\/[\w-]+)?\/secrets\/[\w-]+\/versions\/[\w-]+$/.test(version)) {
    throw refused(secret, "its version is not named as projects/P/secrets/S/versions/V", undefined);
  }
  const wire = openGoogleWire({ ...access, refused: "secret-refused", unreachable: "secret-missing" });
  const origin = access.origin ?? "https://secretmanager.googleapis.com";
  const url = `${origin}/v1/${version}:access`;
  const { bytes } = await wire({ method: "GET", url, mayRepeat: true, maxBytes: 2 * maxSecretBytes });
  let data: string;
  try {
    ({ data } = accessed.parse(JSON.parse(Buffer.from(bytes).toString("utf8"))).payload);
  } catch {
    // Without a cause, which would quote what may be the secret.
    throw refused(secret, "Secret Manager gave something else than a secret", undefined);
  }
  return textOf(secret, Buffer.from(data, "base64"));
}

function refused(secret: string, why: string, hint: string | undefined): BuildError {
  return new BuildError("secret-refused", `the secret ${secret} cannot be used: ${why}`, { hint });
}

function missingSecrets(missing: readonly SecretSource[]): BuildError {
  const names = missing.map(({ env, version }) =>
    version === undefined ? `${env} (encrypted in the file by a key of Google's KMS)` : `${env} (${version})`,
  );
  const noun = missing.length === 1 ? "a secret is" : `${missing.length} secrets are`;
  const inManager = missing.some(({ version }) => version !== undefined);
  const orGoogle = inManager ? "; Secret Manager is asked where Google credentials are found" : "";
  const hint = `give each by ${spellings}${orGoogle}`;
  return new BuildError("secret-missing", `${noun} missing: ${harmless(names.join(", "))}`, { hint });
}
