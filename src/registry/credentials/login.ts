import { messageOf } from "../../errors/index.ts";
import { isHost } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { basicCredential, type Credential } from "./credential.ts";
import { type CredentialOrigins, loginFile, openCredentials } from "./credentials.ts";
import { parseDockerConfig } from "./docker-config.ts";
import { readCredentialFile } from "./file.ts";
import { eraseWithHelper, programOf, storeWithHelper } from "./helper.ts";
import { canonicalHost, helperServer, prefixOfKey } from "./key.ts";
import { changeLoginFile, type LoginEntry, withLogin } from "./login-file.ts";

/** Who logs in where. */
export interface Login {
  /** The host as it was named: `registry.example.com`, `localhost:5000`, or with `https://` before it. */
  readonly host: string;
  readonly username: string;
  readonly password: string;
}

/** Where a login is kept, and for how long helpers may take. */
export interface LoginOptions extends CredentialOrigins {
  readonly environment: NodeJS.ProcessEnv;
  /**
   * Shows a credential to the registry. @returns Whether it has asked for one.
   * @throws {RegistryError} when it refuses it, or cannot be asked.
   */
  readonly attempt: (host: string, credential: Credential) => Promise<boolean>;
  readonly helperMilliseconds?: number;
  /** Try, look, and keep or forget nothing. */
  readonly dryRun?: boolean;
}

/** A login that is kept. */
export interface KeptLogin {
  readonly host: string;
  /** Whether the registry has asked for it: some let everybody in, and look at credentials later. */
  readonly isTried: boolean;
  /** The file, or the helper with the file that names it. */
  readonly keptIn: string;
  /** It is readable for whoever may read the file. */
  readonly isPlain: boolean;
  /** What goes before it, so that it is not used: where that credential comes from, or why it cannot be told. */
  readonly hiddenBy: string | undefined;
}

/** Helpers may have to ask for the passphrase of a keyring. */
const helperMilliseconds = 120_000;

/**
 * The host that somebody logs in to, by its one name. @throws {RegistryError} `credential-source` for what is none.
 */
export function loginHost(text: string): string {
  const host = prefixOfKey(text);
  if (host !== undefined && isHost(host)) return host;
  throw new RegistryError("credential-source", "this names no registry that could be logged in to", {
    where: JSON.stringify(text.replace(/^.*@/s, "…@").slice(0, 200)),
    hint: "write its host, such as registry.example.com, localhost:5000 or docker.io",
  });
}

/**
 * Logs in: tries the credential at the registry, then keeps it where Docker does, in `credHelpers`' or `credsStore`'s helper
 * or in the file, which is that of `REGISTRY_AUTH_FILE` or Docker's `config.json`. Nothing else in it changes.
 * @throws {RegistryError} `unauthorized`, `credential-source` or `credential-helper`; nothing was kept then, unless it says so:
 * a helper may have the login when the file loses its last step.
 */
export async function logIn(login: Login, options: LoginOptions): Promise<KeptLogin> {
  const host = loginHost(login.host);
  const { username, password } = login;
  if (username === "" || password === "" || username.includes(":")) {
    throw new RegistryError("credential-source", "a user name without a colon and a password are needed", {
      where: host,
    });
  }
  const place = loginFile(options);
  const helper = await helperFor(host, options);
  const credential = basicCredential(username, password, "this login");
  const isTried = await options.attempt(host, credential).catch((cause: unknown) => {
    throw refused(cause, host);
  });
  const kept = {
    ...{ host, isTried, isPlain: helper === undefined },
    keptIn: helper === undefined ? place.shown : `${programOf(helper)}, named in ${place.shown}`,
  };
  const key = helperServer(host);
  let isStored = false;
  const store = async (): Promise<void> => {
    if (helper === undefined || isStored) return;
    await storeWithHelper(helper, key, { username, password }, runBy(options));
    isStored = true;
  };
  const auth =
    helper === undefined ? Buffer.from(`${username}:${password}`, "utf8").toString("base64") : undefined;
  await change(options, host, { key, auth }, store).catch((cause: unknown) => {
    throw isStored ? halfKept(cause, kept.keptIn) : cause;
  });
  if (options.dryRun) return { ...kept, hiddenBy: undefined };
  const found = await openCredentials(options)
    .lookup(host, "")
    .catch((error: unknown) => messageOf(error));
  const isFound =
    typeof found === "object" &&
    found.kind === "basic" &&
    found.username === username &&
    found.password === password;
  const hiddenBy = typeof found === "object" ? found.source : (found ?? "a rule in waybill.yaml");
  return { ...kept, hiddenBy: isFound ? undefined : hiddenBy };
}

/** What was forgotten. */
export interface ForgottenLogin {
  readonly host: string;
  /** Where it was kept; empty when it was kept nowhere. */
  readonly from: readonly string[];
  /** Where a credential for the host still comes from. */
  readonly remaining: string | undefined;
}

/**
 * Forgets what {@link logIn} has kept for a host, in the helper and in the file.
 * @throws {RegistryError} `credential-source` or `credential-helper`.
 */
export async function logOut(named: string, options: Omit<LoginOptions, "attempt">): Promise<ForgottenLogin> {
  const host = loginHost(named);
  const { shown } = loginFile(options);
  const helper = await helperFor(host, options);
  const from: string[] = [];
  const by = { ...runBy(options), dryRun: options.dryRun };
  if (helper !== undefined && (await eraseWithHelper(helper, helperServer(host), by))) {
    from.push(`${programOf(helper)}, named in ${shown}`);
  }
  if (await change(options, host, undefined)) from.push(shown);
  const remaining = await openCredentials(options)
    .lookup(host, "")
    .then(
      (found) => found?.source,
      (error: unknown) => messageOf(error),
    );
  return { host, from, remaining };
}

async function helperFor(host: string, options: CredentialOrigins): Promise<string | undefined> {
  const { file, shown } = loginFile(options);
  return parseDockerConfig((await readCredentialFile(file, shown)) ?? "", shown).helperOf(host);
}

function runBy({ environment, ...options }: Omit<LoginOptions, "attempt">) {
  const timeoutMilliseconds = options.helperMilliseconds ?? helperMilliseconds;
  return { environment, namedIn: loginFile({ environment, ...options }).shown, timeoutMilliseconds };
}

function change(
  options: Omit<LoginOptions, "attempt">,
  host: string,
  entry: LoginEntry | undefined,
  beforehand: () => Promise<void> = async () => {},
): Promise<boolean> {
  const place = loginFile(options);
  return changeLoginFile(
    { ...place, dryRun: options.dryRun },
    (text) => withLogin(text, place.shown, canonicalHost(host), entry),
    beforehand,
  );
}

function refused(cause: unknown, host: string): unknown {
  if (!(cause instanceof RegistryError) || (cause.code !== "unauthorized" && cause.code !== "denied"))
    return cause;
  return new RegistryError("unauthorized", `this user name and password are refused: ${cause.message}`, {
    where: host,
    hint: "nothing was kept; some registries want an access token in place of the password",
    cause,
  });
}

function halfKept(cause: unknown, keptIn: string): RegistryError {
  return new RegistryError(
    "credential-source",
    `the login is kept, but an earlier one could not be taken out of the file: ${messageOf(cause)}`,
    { where: keptIn, hint: "log in again when nothing else writes the file", cause },
  );
}
