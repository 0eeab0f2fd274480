import { homedir } from "node:os";
import { isAbsolute } from "node:path";
import { CloudError, type CloudServices, type Identities, type Renewed, renewed } from "../clouds/index.ts";
import { errorCodeOf, readNamed } from "../disk/index.ts";
import { SecretError } from "./errors.ts";
import type { KeptSecret, ManagerContext, SecretManager } from "./manager.ts";
import type { SecretManagerSetting, SecretSetting } from "./model.ts";

/** Secrets by where the settings say that they are. */
export interface Secrets {
  /**
   * A secret, without the line end of its file. Files and variables are read anew each time, so that they can be replaced; what a
   * manager of secrets gives is used for some minutes. @throws {SecretError}
   */
  read(place: SecretSetting): Promise<string>;
}

/** Where managers of secrets are found. */
export interface SecretOrigins {
  readonly managers: Readonly<Record<string, SecretManagerSetting>>;
  readonly identities: Identities;
  readonly environment: NodeJS.ProcessEnv;
  /** The user's home directory; `HOME`, or what the system says, when left out. */
  readonly homeDir?: string | undefined;
  /** Where services are, for tests. */
  readonly services?: CloudServices | undefined;
}

const maxSecretBytes = 64 * 1024;
/** Milliseconds; renewed after half of it. */
const usedFor = 10 * 60_000;

/** Secrets of files and variables, where nobody has named a manager. */
export function localSecrets(environment: NodeJS.ProcessEnv): Secrets {
  return { read: (place) => readPlace(place, environment, async (reference) => noManager(reference)) };
}

/** Secrets wherever they are. Nobody is asked for anything yet. */
export function openSecrets(origins: SecretOrigins): Secrets {
  const { managers, identities, environment, homeDir, services } = origins;
  const home = homeDir ?? (environment.HOME || homedir());
  const opened = new Map<string, Promise<SecretManager>>();
  const kept = new Map<string, Renewed<KeptSecret>>();
  const managerOf = (name: string, reference: string): Promise<SecretManager> => {
    const setting = Object.hasOwn(managers, name) ? managers[name] : undefined;
    if (setting === undefined) return noManager(reference);
    const known = opened.get(name) ?? openManager(setting, { identities, environment, home, services });
    opened.set(name, known);
    return known;
  };
  const fromManager = async (reference: string): Promise<string> => {
    const [, name = "", path = "", field] = /^([^:]+):([^#]+)(?:#(.+))?$/.exec(reference) ?? [];
    const manager = await managerOf(name, reference);
    const key = `${name}:${path}`;
    const secret =
      kept.get(key) ??
      renewed(async () => ({ value: await manager.read(path), life: usedFor, source: name }));
    kept.set(key, secret);
    return fieldOf((await secret()).value, field);
  };
  return { read: (place) => readPlace(place, environment, fromManager) };
}

/** Loaded when a secret of one is first needed. */
async function openManager(setting: SecretManagerSetting, context: ManagerContext): Promise<SecretManager> {
  switch (setting.kind) {
    case "vault":
      return (await import("./vault.ts")).openVault(setting, context);
    case "google":
      return (await import("./google.ts")).openGoogleSecrets(setting, context);
    case "aws":
      return (await import("./aws.ts")).openAwsSecrets(setting, context);
    case "azure":
      return (await import("./azure.ts")).openAzureVault(setting, context);
  }
}

async function readPlace(
  { file, variable, reference }: SecretSetting,
  environment: NodeJS.ProcessEnv,
  fromManager: (reference: string) => Promise<string>,
): Promise<string> {
  if (file !== undefined) return ofFile(file);
  if (variable !== undefined) return ofVariable(variable, environment);
  const named = reference ?? "";
  if (named.startsWith("env:")) return ofVariable(named.slice("env:".length), environment);
  if (named.startsWith("file:")) {
    const path = named.slice("file:".length);
    if (isAbsolute(path)) return ofFile(path);
    throw new SecretError("secret-invalid", "file: takes an absolute path", { where: named });
  }
  try {
    const text = await fromManager(named);
    if (text !== "") return text;
    throw new SecretError("secret-missing", "the secret is empty", { where: named });
  } catch (error) {
    throw ofReference(error, named);
  }
}

function ofVariable(name: string, environment: NodeJS.ProcessEnv): string {
  const value = environment[name];
  if (value) return value;
  throw new SecretError("secret-missing", `the variable ${name} is not set`, { where: `$${name}` });
}

async function ofFile(file: string): Promise<string> {
  const read = await readNamed(file, maxSecretBytes).catch((cause: unknown) => {
    const code = errorCodeOf(cause);
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "unknown error"})`;
    throw new SecretError("secret-missing", `the file ${why}`, { where: file, cause });
  });
  const text = new TextDecoder().decode(read.bytes).replace(/\r?\n$/, "");
  if (text !== "") return text;
  throw new SecretError("secret-missing", "the file is empty", { where: file });
}

/** A field of what is kept, which may be an object of JSON; the only one where nobody says which. */
function fieldOf(secret: KeptSecret, field: string | undefined): string {
  if (typeof secret === "string" && field === undefined) return secret.replace(/\r?\n$/, "");
  const fields = typeof secret === "string" ? objectIn(secret) : secret;
  const names = Object.keys(fields);
  const name = field ?? (names.length === 1 ? names[0] : undefined);
  const value = name !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (typeof value === "string") return value;
  throw new SecretError("secret-missing", "the secret has no such field with a text", {
    hint: "write #FIELD behind the path",
  });
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Without a cause, which would quote the secret.
  }
  throw new SecretError("secret-invalid", "the secret is no object of JSON, and a field of it is asked for");
}

async function noManager(reference: string): Promise<never> {
  const [name = ""] = reference.split(":", 1);
  throw new SecretError(
    "secret-invalid",
    `there is no manager of secrets ${JSON.stringify(name.slice(0, 64))}`,
    {
      hint: "write it under secretManagers in waybill.yaml, or begin with file: or env:",
    },
  );
}

function ofReference(error: unknown, reference: string): unknown {
  if (error instanceof SecretError) {
    const { code, message, hint, cause } = error;
    return new SecretError(code, message, { where: reference, hint, cause });
  }
  if (!(error instanceof CloudError)) return error;
  const { message, hint, status, requestId } = error;
  const code =
    error.code === "identity-refused"
      ? "secret-refused"
      : error.code === "identity-unreachable"
        ? "secret-unreachable"
        : "secret-invalid";
  return new SecretError(code, message, { where: reference, hint, status, requestId, cause: error });
}
