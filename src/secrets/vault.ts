import { join } from "node:path";
import * as z from "zod/mini";
import { type CloudRequest, type Renewed, readAnswer, renewed, safeUrl } from "../clouds/index.ts";
import { ifPresent, readNamed } from "../disk/index.ts";
import { SecretError } from "./errors.ts";
import { badPath, type ManagerContext, type SecretManager } from "./manager.ts";
import type { VaultSetting } from "./model.ts";

const tokenText = z.string().check(z.minLength(1), z.maxLength(16_384), z.regex(/^[\x21-\x7e]+$/));
const loginSchema = z.object({ auth: z.object({ client_token: tokenText, lease_duration: z.number() }) });
const secretSchema = z.object({ data: z.object({ data: z.record(z.string(), z.unknown()) }) });

/** Where a pod's account has its token. */
const podToken = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/** Milliseconds after which a token of one's own is looked for again. */
const lookedFor = 60_000;
const pathForm = "a path of its engine and a field: team/registry#password";

/** Vault's key-value engine, version 2 (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2); OpenBao has the same. */
export function openVault(setting: VaultSetting, context: ManagerContext): SecretManager {
  const { address, namespace, mount = "secret" } = setting;
  const { wire } = context.identities;
  const who = "Vault";
  const base = safeUrl(address, "the address of the manager of secrets");
  const common = namespace === undefined ? {} : { "x-vault-namespace": namespace };
  const token = tokenOf(setting, context, (path, body) => {
    const headers = { ...common, "content-type": "application/json" };
    return { method: "POST", url: urlOf(base, path), headers, body: JSON.stringify(body), who };
  });
  return {
    async read(path) {
      const url = urlOf(base, [mount, "data", ...stepsOf(path)].join("/"));
      const ask = (value: string) =>
        wire({ method: "GET", url, headers: { ...common, "x-vault-token": value }, who, secrets: [value] });
      const { value } = await token();
      let answer = await ask(value);
      // What it says of a token that has ended is what it says of one without the right.
      if (answer.status === 403 && setting.auth !== undefined && setting.auth !== "token") {
        answer = await ask((await token(value)).value);
      }
      const hint =
        "is the path below the mount right, is the engine of version 2, and may this login read it?";
      return readAnswer(answer, secretSchema, who, hint).data.data;
    },
  };
}

function tokenOf(
  { auth = "token", authMount = auth, role, token }: VaultSetting,
  context: ManagerContext,
  login: (path: string, body: object) => CloudRequest,
): Renewed<string> {
  if (auth === "token") return renewed(() => ownToken(token, context));
  return renewed(async () => {
    const place = token ?? (auth === "kubernetes" ? { file: podToken } : undefined);
    if (place === undefined) throw new SecretError("secret-invalid", "auth: jwt needs token beside it");
    const { token: jwt, source } = await context.identities.subject(place, "vault");
    const request = login(`auth/${authMount}/login`, { role, jwt });
    const answer = await context.identities.wire({ ...request, secrets: [jwt] });
    const hint = "does the role take this issuer, audience and subject?";
    const given = readAnswer(answer, loginSchema, request.who, hint).auth;
    return { value: given.client_token, life: Math.max(60, given.lease_duration) * 1_000, source };
  });
}

/** As Vault's own command line finds it. */
async function ownToken(place: VaultSetting["token"], { identities, environment, home }: ManagerContext) {
  if (place !== undefined) {
    const { token: value, source } = await identities.subject(place, "vault");
    return { value, life: lookedFor, source };
  }
  const given = environment.VAULT_TOKEN || environment.BAO_TOKEN;
  const file = join(home, ".vault-token");
  const read = given ? undefined : await ifPresent(readNamed(file, 64 * 1024));
  const value = (given ?? read?.bytes.toString("utf8") ?? "").trim();
  if (tokenText.safeParse(value).success)
    return { value, life: lookedFor, source: given ? "$VAULT_TOKEN" : file };
  throw new SecretError("secret-missing", "there is no login for Vault", {
    hint: "set VAULT_TOKEN, or write auth: kubernetes or jwt and the role into the settings",
  });
}

function stepsOf(path: string): readonly string[] {
  const steps = path.split("/");
  if (steps.every((step) => step !== "" && step !== "." && step !== "..")) return steps;
  throw badPath(path, pathForm);
}

function urlOf(base: URL, path: string): URL {
  return new URL(`/v1/${path.split("/").map(encodeURIComponent).join("/")}`, base);
}
