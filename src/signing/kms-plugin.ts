import pLimit from "p-limit";
import * as z from "zod/mini";
import { presentable } from "../http/index.ts";
import { jsonIn } from "../oci/index.ts";
import { findExecutable, runProgram } from "../programs/index.ts";
import { hashOfKey, isSignedBy, type PublicKey, readPublicKey, SigstoreError } from "../sigstore/index.ts";
import { SigningError } from "./errors.ts";
import type { SigningKey } from "./signing-key.ts";

/** How a plugin is run. */
export interface PluginOptions {
  /** All of it: a plugin needs its own credentials. `PATH` is where it is looked for. */
  readonly environment: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  /** 60 seconds when left out. */
  readonly timeoutMilliseconds?: number | undefined;
}

const protocol = "v1";
/** Programs of one plugin at a time. */
const atATime = 8;
/** As Go numbers them (package `crypto`). */
const hashNumbers = { sha256: 5, sha384: 6, sha512: 7 } as const;

/**
 * A key of a key service, by a program that speaks the plugin protocol of Sigstore's clients (sigstore/sigstore,
 * `pkg/signature/kms/cliplugin`): `sigstore-kms-NAME v1 JSON` is run for each question, gets the bytes to be signed on standard
 * input and answers in JSON. It is started without a shell, and only from the absolute folders of `PATH`. What it signs is verified
 * with the key that it shows.
 * @param uri `NAME://KEY`.
 * @throws {SigningError} `signer-invalid` for a key that nobody verifies; else `signer-unavailable`.
 */
export async function openPluginKey(uri: string, options: PluginOptions): Promise<SigningKey> {
  const [, name = "", key = ""] = /^([a-z0-9][a-z0-9_-]*):\/\/(\S+)$/i.exec(uri) ?? [];
  const program = `sigstore-kms-${name}`;
  const path = await findExecutable(program, options.environment);
  if (path === undefined) {
    throw new SigningError("signer-unavailable", `the plugin of the key service is not in PATH: ${program}`, {
      where: uri,
      hint: "install it, or name a key file with the signer",
    });
  }
  const limit = pLimit(atATime);
  const ask = (question: Question, hash: number, input: Uint8Array): Promise<PluginAnswer> =>
    limit(() => asked(path, { uri, key, hash, question, input }, options));

  const publicKey = await publicKeyOfPlugin(ask, uri);
  const hashName = hashOfKey(publicKey.key);
  // Ed25519 hashes by itself: no hash has the number 0.
  const hash = hashName === null ? 0 : hashNumbers[hashName];
  return {
    publicKey,
    async sign(bytes) {
      const signOptions = { rpcOptions: {}, messageOptions: {} };
      const answer = await ask({ methodName: "signMessage", signMessage: { signOptions } }, hash, bytes);
      const signature = Buffer.from(answer.signMessage?.signature ?? "", "base64");
      if (isSignedBy(publicKey.key, bytes, signature)) return signature;
      throw new SigningError("signer-unavailable", `${program} gives a signature that its own key denies`, {
        where: uri,
        hint: "does the key service sign with another key or hash than the plugin says?",
      });
    },
  };
}

type Question =
  | { readonly methodName: "publicKey"; readonly publicKey: object }
  | { readonly methodName: "signMessage"; readonly signMessage: object };

async function publicKeyOfPlugin(
  ask: (question: Question, hash: number, input: Uint8Array) => Promise<PluginAnswer>,
  uri: string,
): Promise<PublicKey> {
  const publicKeyOptions = { rpcOptions: {} };
  // Which hash the key goes with is not known yet; that of most keys is said.
  const answer = await ask(
    { methodName: "publicKey", publicKey: { publicKeyOptions } },
    hashNumbers.sha256,
    Buffer.of(),
  );
  const pem = Buffer.from(answer.publicKey?.publicKeyPEM ?? "", "base64").toString("utf8");
  try {
    return readPublicKey(pem, uri);
  } catch (error) {
    if (!(error instanceof SigstoreError)) throw error;
    throw new SigningError("signer-invalid", `the key of the key service: ${error.message}`, {
      where: uri,
      hint: error.hint,
    });
  }
}

const pluginAnswer = z.object({
  errorMessage: z.optional(z.string()),
  publicKey: z.optional(z.object({ publicKeyPEM: z.string() })),
  signMessage: z.optional(z.object({ signature: z.string() })),
});
type PluginAnswer = z.output<typeof pluginAnswer>;

interface Asked {
  readonly uri: string;
  readonly key: string;
  readonly hash: number;
  readonly question: Question;
  readonly input: Uint8Array;
}

async function asked(
  path: string,
  { uri, key, hash, question, input }: Asked,
  { environment, signal, timeoutMilliseconds = 60_000 }: PluginOptions,
): Promise<PluginAnswer> {
  signal?.throwIfAborted();
  const ctxDeadline = new Date(Date.now() + timeoutMilliseconds).toISOString();
  const initOptions = {
    ...{ ctxDeadline, protocolVersion: protocol, keyResourceID: key, hashFunc: hash },
    rpcOptions: { ctxDeadline },
  };
  const args = [protocol, JSON.stringify({ initOptions, ...question })];
  const { stdout, stderr, fault } = await runProgram(path, args, input, {
    environment,
    timeoutMilliseconds,
    signal,
  });
  signal?.throwIfAborted();
  // Its exit code says nothing (the protocol's README, "Error Handling"): what it has written does.
  const answer = pluginAnswer.safeParse(jsonIn(stdout));
  const said = answer.data?.errorMessage ?? "";
  if (answer.success && said === "") return answer.data;
  const words = presentable(said === "" ? stderr.trim() : said, []);
  const what = answer.success
    ? "the key service's plugin will not"
    : `the key service's plugin ${fault ?? "answers something else than its protocol says"}`;
  throw new SigningError("signer-unavailable", `${what}${words === "" ? "" : `: ${words}`}`, { where: uri });
}
