import * as z from "zod/mini";
import { presentable } from "../../http/index.ts";
import { jsonIn } from "../../oci/index.ts";
import { findExecutable, runProgram } from "../../programs/index.ts";
import { RegistryError } from "../errors.ts";
import { basicCredential, type Credential, identityToken } from "./credential.ts";

/** Asks the credential helper `docker-credential-<name>` about a server; `namedIn` is the file that names it. */
export type AskHelper = (name: string, server: string, namedIn: string) => Promise<Credential | undefined>;

/** A name and secret as a credential: the name `<token>` marks an identity token, as in Docker's helpers. */
export function credentialFor(username: string, secret: string, source: string): Credential {
  return username === "<token>" ? identityToken(secret, source) : basicCredential(username, secret, source);
}

/** How long an answer, or a failure, is taken for granted: the tokens of cloud helpers may have minutes left. */
const answerMilliseconds = 3 * 60 * 1000;

/**
 * Helpers by way of {@link askHelper}, each asked once about a server, also by callers at the same time, and again
 * after three minutes.
 */
export function rememberingHelpers(environment: NodeJS.ProcessEnv): AskHelper {
  const answers = new Map<
    string,
    { readonly answer: Promise<Credential | undefined>; readonly since: number }
  >();
  return (name, server, namedIn) => {
    const key = `${name} ${server}`;
    const known = answers.get(key);
    const now = performance.now();
    if (known !== undefined && now - known.since < answerMilliseconds) return known.answer;
    const answer = askHelper(name, server, { environment, namedIn });
    answers.set(key, { answer, since: now });
    return answer;
  };
}

export interface HelperOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly namedIn: string;
  /** 30 seconds when left out. */
  readonly timeoutMilliseconds?: number | undefined;
}

/**
 * Asks a Docker credential helper (the `get` of docker-credential-helpers' protocol): the server goes in on standard
 * input, JSON comes out. `undefined` means that the helper knows no credential. The program is started without a
 * shell, and only from the absolute directories of `PATH`, so that a file in the working directory is never run.
 * @throws {RegistryError} `credential-helper`; the message never holds a secret.
 */
export async function askHelper(
  name: string,
  server: string,
  options: HelperOptions,
): Promise<Credential | undefined> {
  const answer = await callHelper(name, "get", server, options);
  return answer === undefined ? undefined : readAnswer(answer, sourceOf(name, options));
}

/** Gives a secret to a helper to keep (`store`). @throws {RegistryError} `credential-helper`; without the secret. */
export async function storeWithHelper(
  name: string,
  server: string,
  { username, password }: Pick<Credential & { kind: "basic" }, "username" | "password">,
  options: HelperOptions,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: password });
  await callHelper(name, "store", input, options, [password]);
}

/**
 * Has a helper forget a server (`erase`), where it knows it. @returns Whether it did; in a dry run, whether it would.
 * @throws {RegistryError} `credential-helper`.
 */
export async function eraseWithHelper(
  name: string,
  server: string,
  options: HelperOptions & { readonly dryRun?: boolean | undefined },
): Promise<boolean> {
  // Most helpers forget without a word what they have never known.
  const known = await callHelper(name, "get", server, options);
  if (known === undefined || options.dryRun) return known !== undefined;
  return (await callHelper(name, "erase", server, options)) !== undefined;
}

function sourceOf(name: string, { namedIn }: HelperOptions): string {
  return `${programOf(name)}, named in ${namedIn}`;
}

export function programOf(name: string): string {
  return `docker-credential-${name}`;
}

/** What a helper answers; `undefined` when it says that it knows no credential. */
async function callHelper(
  name: string,
  action: "get" | "store" | "erase",
  input: string,
  options: HelperOptions,
  secrets: readonly string[] = [],
): Promise<string | undefined> {
  const { environment, namedIn, timeoutMilliseconds = 30_000 } = options;
  if (!/^[A-Za-z0-9_.-]+$/.test(name)) {
    throw failure("a credential helper's name has only letters, digits and _ . -", namedIn);
  }
  const source = sourceOf(name, options);
  const path = await findExecutable(programOf(name), environment);
  if (path === undefined) {
    throw failure("the credential helper is not in PATH", source, {
      hint: "install it, or have a rule in waybill.yaml that says where the credential is or that there is none",
    });
  }
  const { stdout, stderr, fault } = await runProgram(path, [action], input, {
    environment,
    timeoutMilliseconds,
  });
  if (fault === undefined) return stdout;
  if (/credentials not found/i.test(stdout)) return undefined;
  const said = presentable(stderr.trim() || spokenPart(stdout), [...secrets, ...secretsIn(stdout)]);
  throw failure(`the credential helper ${fault}${said === "" ? "" : `: ${said}`}`, source);
}

function failure(message: string, where: string, details: { hint?: string } = {}): RegistryError {
  return new RegistryError("credential-helper", message, { where, ...details });
}

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });

function readAnswer(stdout: string, source: string): Credential | undefined {
  const answer = answerSchema.safeParse(jsonIn(stdout));
  if (!answer.success)
    throw failure("the credential helper's answer is not what the protocol asks for", source);
  const { Username: username, Secret: secret } = answer.data;
  return secret === "" ? undefined : credentialFor(username, secret, source);
}

/** Helpers explain themselves on standard output; an answer that got there before the failure is no explanation. */
function spokenPart(stdout: string): string {
  return /["{]/.test(stdout) ? "" : stdout;
}

function secretsIn(stdout: string): string[] {
  return [...stdout.matchAll(/"Secret"\s*:\s*"((?:[^"\\]|\\.)*)/g)].flatMap(([, written = ""]) => {
    const secret = jsonIn(`"${written}"`);
    return typeof secret === "string" ? [secret, written] : [written];
  });
}
