import { createSign } from "node:crypto";
import { join } from "node:path";
import * as z from "zod/mini";
import { ifPresent, readNamed } from "../../disk/index.ts";
import { headerOf } from "../../http/index.ts";
import type { CloudContext } from "../context.ts";
import { CloudError } from "../errors.ts";
import type { GoogleIdentity } from "../model.ts";
import { readIdentityFile, subjectToken } from "../subject.ts";
import type { Expiring } from "../token.ts";
import { formOf, isLocalServer, readAnswer, refusalOf, safeUrl } from "../wire.ts";
import {
  accountOf,
  type ExternalAccount,
  type GoogleKeyFile,
  readKeyFile,
  type ServiceAccountKey,
} from "./key-file.ts";

const whole = "https://www.googleapis.com/auth/cloud-platform";
const readOnly = "https://www.googleapis.com/auth/cloud-platform.read-only";

/** Where Google's services are. */
const services = {
  googleSts: "https://sts.googleapis.com",
  googleIam: "https://iamcredentials.googleapis.com",
  googleOauth: "https://oauth2.googleapis.com",
} as const;

const accessToken = z.string().check(z.minLength(1), z.maxLength(16_384), z.regex(/^[\x21-\x7e]+$/));
const life = z.number().check(z.positive(), z.maximum(24 * 3600));
const answerSchema = z.object({ access_token: accessToken, expires_in: life });

/**
 * An access token of Google's. Where settings do not say who this process is, it is found as Google's own tools find it: the file that
 * `GOOGLE_APPLICATION_CREDENTIALS` names, that of `gcloud auth application-default login`, the metadata server of the machine.
 * @param readsOnly With the scope of reading alone; where a user has logged in, that user's own.
 * @throws {CloudError}
 */
export async function googleToken(
  identity: GoogleIdentity,
  readsOnly: boolean,
  context: CloudContext,
): Promise<Expiring<string>> {
  const scope = readsOnly ? readOnly : whole;
  const { serviceAccount, provider, token, keyFile } = identity;
  if (provider !== undefined && token !== undefined) {
    const subject = await subjectToken(token, `https://iam.googleapis.com/${provider}`, context);
    const audience = `//iam.googleapis.com/${provider}`;
    const source = `Google, for a token of ${subject.source}`;
    const federated = { audience, token: subject.token, type: "urn:ietf:params:oauth:token-type:jwt" };
    return exchanged(federated, serviceAccount, scope, source, context);
  }
  const file = keyFile === undefined ? await usualFile(context) : { path: keyFile, text: undefined };
  const found =
    file === undefined
      ? await ofMachine(serviceAccount === undefined ? scope : whole, context)
      : await ofFile(file, serviceAccount === undefined ? scope : whole, context);
  if (serviceAccount === undefined) return found;
  return actingAs(serviceAccount, scope, found, context);
}

interface FoundFile {
  readonly path: string;
  readonly text: string | undefined;
}

async function usualFile({ environment, home }: CloudContext): Promise<FoundFile | undefined> {
  const named = environment.GOOGLE_APPLICATION_CREDENTIALS;
  if (named) return { path: named, text: undefined };
  const folder = environment.CLOUDSDK_CONFIG || join(home, ".config", "gcloud");
  const path = join(folder, "application_default_credentials.json");
  const read = await ifPresent(readNamed(path, 1024 * 1024));
  return read === undefined ? undefined : { path, text: read.bytes.toString("utf8") };
}

async function ofFile(
  { path, text }: FoundFile,
  scope: string,
  context: CloudContext,
): Promise<Expiring<string>> {
  const file: GoogleKeyFile = readKeyFile(text ?? (await readIdentityFile(path, "for Google")), path);
  switch (file.type) {
    case "service_account":
      return ofKey(file, scope, path, context);
    case "external_account": {
      const token = await externalSubject(file, context);
      const federated = { audience: file.audience, token, type: file.subject_token_type };
      return exchanged(federated, accountOf(file), scope, `Google, by ${path}`, context);
    }
    case "authorized_user": {
      const { client_id, client_secret, refresh_token } = file;
      const grant = { grant_type: "refresh_token", client_id, client_secret, refresh_token };
      const who = "Google's token service";
      const answer = await context.wire({
        ...{ method: "POST", url: new URL("/token", serviceOf("googleOauth", context)), who },
        ...{ ...formOf(grant), secrets: [client_secret, refresh_token] },
      });
      const hint = "log in again: gcloud auth application-default login";
      return expiring(readAnswer(answer, answerSchema, who, hint), `Google, by the login in ${path}`);
    }
  }
}

/** https://developers.google.com/identity/protocols/oauth2/service-account, "HTTP/REST" */
async function ofKey(
  key: ServiceAccountKey,
  scope: string,
  path: string,
  context: CloudContext,
): Promise<Expiring<string>> {
  const { client_email: iss, private_key_id: kid } = key;
  const url = new URL("/token", serviceOf("googleOauth", context));
  const seconds = Math.floor(context.now() / 1_000);
  // Whom it is for does not change where tests have the service.
  const claims = { iss, scope, aud: `${services.googleOauth}/token`, iat: seconds, exp: seconds + 3600 };
  const encoded = [{ alg: "RS256", typ: "JWT", kid }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  let signature: string;
  try {
    signature = createSign("RSA-SHA256").update(encoded.join(".")).sign(key.private_key, "base64url");
  } catch {
    // Without a cause, which may quote the key.
    throw new CloudError("identity-invalid", "the private key in the file is none", { where: path });
  }
  const assertion = [...encoded, signature].join(".");
  const who = "Google's token service";
  const grant = { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion };
  const answer = await context.wire({ method: "POST", url, who, ...formOf(grant), secrets: [assertion] });
  const hint = "is the key still there, and the clock of this machine right?";
  return expiring(readAnswer(answer, answerSchema, who, hint), `Google, by the key in ${path}`);
}

async function externalSubject(file: ExternalAccount, context: CloudContext): Promise<string> {
  const { file: path, url, headers, format } = file.credential_source;
  const text =
    path === undefined
      ? await downloaded(url ?? "", headers, context)
      : await readIdentityFile(path, "with the token");
  if (format?.type !== "json") return text.trim();
  const field = format.subject_token_field_name ?? "";
  const found = z.record(z.string(), z.unknown()).safeParse(jsonOf(text));
  const token = found.success && Object.hasOwn(found.data, field) ? found.data[field] : undefined;
  if (typeof token === "string" && token !== "") return token;
  throw new CloudError(
    "identity-invalid",
    `there is no ${JSON.stringify(field.slice(0, 100))} in the token's document`,
    {
      where: path ?? url,
    },
  );
}

async function downloaded(
  address: string,
  headers: Readonly<Record<string, string>> | undefined,
  { wire }: CloudContext,
): Promise<string> {
  const who = "the server that credential_source names";
  const url = safeUrl(address, "credential_source.url");
  const answer = await wire({ method: "GET", url, headers, who, secrets: Object.values(headers ?? {}) });
  if (answer.status !== 200) throw refusalOf(answer, who);
  return Buffer.from(answer.bytes).toString("utf8");
}

interface Federated {
  readonly audience: string;
  readonly token: string;
  readonly type: string;
}

/** https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token */
async function exchanged(
  { audience, token, type }: Federated,
  account: string | undefined,
  scope: string,
  source: string,
  context: CloudContext,
): Promise<Expiring<string>> {
  const who = "Google's security token service";
  const answer = await context.wire({
    ...{ method: "POST", url: new URL("/v1/token", serviceOf("googleSts", context)), who, secrets: [token] },
    ...formOf({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
      ...{ audience, subject_token: token, subject_token_type: type },
      scope: account === undefined ? scope : whole,
    }),
  });
  const hint = "does the pool's provider take this issuer, audience and subject?";
  const federated = expiring(readAnswer(answer, answerSchema, who, hint), source);
  return account === undefined ? federated : actingAs(account, scope, federated, context);
}

const actingSchema = z.object({ accessToken, expireTime: z.string().check(z.maxLength(64)) });

/** https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken */
async function actingAs(
  account: string,
  scope: string,
  { value, source }: Expiring<string>,
  context: CloudContext,
): Promise<Expiring<string>> {
  const path = `/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:generateAccessToken`;
  const who = "Google's IAM";
  const answer = await context.wire({
    ...{ method: "POST", url: new URL(path, serviceOf("googleIam", context)), who },
    authorization: `Bearer ${value}`,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ scope: [scope], lifetime: "3600s" }),
  });
  const hint = `whoever it is has to have the role roles/iam.serviceAccountTokenCreator, or workloadIdentityUser, on ${account}`;
  const { accessToken: token, expireTime } = readAnswer(answer, actingSchema, who, hint);
  const ends = Date.parse(expireTime);
  const stated = Number.isNaN(ends) ? 3_600_000 : Math.max(60_000, ends - context.now());
  return { value: token, life: Math.min(stated, 3_600_000), source: `${source}, as ${account}` };
}

/** https://cloud.google.com/compute/docs/access/authenticate-workloads */
async function ofMachine(scope: string, context: CloudContext): Promise<Expiring<string>> {
  const who = "Google's metadata server";
  const named = context.environment.GCE_METADATA_HOST;
  const url = new URL(
    `http://${named || "169.254.169.254"}/computeMetadata/v1/instance/service-accounts/default/token`,
  );
  if (!isLocalServer(url)) {
    throw new CloudError(
      "identity-invalid",
      "GCE_METADATA_HOST is no server that only this machine reaches",
      {
        where: url.host,
      },
    );
  }
  url.searchParams.set("scopes", scope);
  const asking = context.wire({ method: "GET", url, headers: { "metadata-flavor": "Google" }, who });
  const answer = await asking.catch((cause: unknown) => {
    throw new CloudError("identity-missing", "nobody says who this process is at Google", {
      where: url.host,
      hint: "set GOOGLE_APPLICATION_CREDENTIALS, run gcloud auth application-default login, or say in the settings who vouches",
      cause,
    });
  });
  const told = readAnswer(
    answer,
    answerSchema,
    who,
    "has the machine, or the cluster's account, a service account?",
  );
  if (headerOf(answer, "metadata-flavor") === "Google") return expiring(told, who);
  throw new CloudError("identity-unreachable", `what answers as ${who} is none`, { where: url.host });
}

function expiring(
  { access_token, expires_in }: z.output<typeof answerSchema>,
  source: string,
): Expiring<string> {
  return { value: access_token, life: expires_in * 1_000, source };
}

function serviceOf(name: keyof typeof services, context: CloudContext): string {
  return context.services?.[name] ?? services[name];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
