import { tmpdir } from "node:os";
import * as z from "zod/mini";
import { headerOf, isSuccess } from "../http/index.ts";
import { BuildError } from "./errors.ts";
import { openGoogleOrigin, type TokenSource } from "./google-wire.ts";
import { engineEnvironment, runProgram } from "./program.ts";

const gcloudMilliseconds = 30_000;
const metadataMilliseconds = 2_000;

/**
 * An access token for Google: `GOOGLE_OAUTH_ACCESS_TOKEN` of the environment, else what `gcloud` gives (for the key or
 * federation that `GOOGLE_APPLICATION_CREDENTIALS` names, else for who is logged in), else that of the machine's service
 * account. @throws {BuildError} `cloud-build-refused` when there is none.
 */
export function googleTokens(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
  metadataOrigin = "http://metadata.google.internal",
): TokenSource {
  let last: string | undefined;
  return async ({ isFresh }) => {
    const given = environment.GOOGLE_OAUTH_ACCESS_TOKEN;
    last ??= given || undefined;
    // Whoever takes a build back when the signal is given needs the one that is there: nothing can be asked for any more.
    if (last !== undefined && !isFresh) return last;
    const token = given
      ? undefined
      : ((await fromGcloud(environment, signal)) ?? (await fromMetadata(metadataOrigin, signal)));
    last = token ?? last;
    if (token !== undefined) return token;
    throw new BuildError(
      "cloud-build-refused",
      given ? "the token for Google is no longer valid" : "there is no login for Google",
      { hint: 'run "gcloud auth login", or set GOOGLE_OAUTH_ACCESS_TOKEN' },
    );
  };
}

async function fromGcloud(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string | undefined> {
  const own = Object.entries(environment).filter(([name]) =>
    /^(?:CLOUDSDK_\w+|GOOGLE_APPLICATION_CREDENTIALS)$/.test(name),
  );
  const isDefault = environment.GOOGLE_APPLICATION_CREDENTIALS !== undefined;
  try {
    const words = ["auth", ...(isDefault ? ["application-default"] : []), "print-access-token"];
    const end = await runProgram("gcloud", words, {
      env: {
        ...engineEnvironment(environment),
        ...Object.fromEntries(own),
        CLOUDSDK_CORE_DISABLE_PROMPTS: "1",
      },
      cwd: tmpdir(),
      output: () => undefined,
      signal: AbortSignal.any([signal, AbortSignal.timeout(gcloudMilliseconds)]),
      captureStdout: true,
    });
    const token = end.stdout.trim();
    return end.exitCode === 0 && /^\S+$/.test(token) ? token : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

const metadataSchema = z.object({ access_token: z.string().check(z.minLength(1), z.maxLength(10_000)) });

/** https://cloud.google.com/compute/docs/access/authenticate-workloads */
async function fromMetadata(origin: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const url = new URL("/computeMetadata/v1/instance/service-accounts/default/token", origin);
    const metadata = openGoogleOrigin(url, {
      // It is on the machine itself, behind no proxy.
      ...{ network: { environment: {} }, signal, unreachable: "cloud-build-unreachable" },
      ...{ retries: 0, milliseconds: metadataMilliseconds },
      authorize: (_, send) => send(undefined),
    });
    const headers = { "metadata-flavor": "Google" };
    const answer = await metadata.send({ kind: "repeatable", method: "GET", url, headers, where: url.host });
    if (!isSuccess(answer) || headerOf(answer, "metadata-flavor") !== "Google") return undefined;
    return metadataSchema.parse(JSON.parse(Buffer.from(answer.bytes).toString("utf8"))).access_token;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
