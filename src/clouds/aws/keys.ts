import { join } from "node:path";
import * as z from "zod/mini";
import { ifPresent, readNamed } from "../../disk/index.ts";
import { harmless } from "../../errors/index.ts";
import { isSuccess } from "../../http/index.ts";
import type { CloudContext } from "../context.ts";
import { CloudError } from "../errors.ts";
import type { AwsIdentity } from "../model.ts";
import { readIdentityFile, subjectToken } from "../subject.ts";
import type { Expiring } from "../token.ts";
import { isLocalServer, readAnswer, refusalOf, safeUrl } from "../wire.ts";
import { type AwsKey, lifeUntil } from "./key.ts";
import { profileIn } from "./profile.ts";
import { assumeRole, assumeRoleWithToken } from "./roles.ts";

/** Keys without an end are looked for again after so many milliseconds: files and variables get new ones. */
const lookedFor = 60_000;

/**
 * The key of an identity. Where settings do not say who this process is, it is found as Amazon's own tools find it: `AWS_ACCESS_KEY_ID`,
 * a web identity token's file and `AWS_ROLE_ARN`, the profile `AWS_PROFILE` of the shared file, the address that a container is given,
 * the metadata server of the machine.
 * @param readsOnly A role is assumed with the right to read registries alone.
 * @throws {CloudError}
 */
export async function awsKey(
  identity: AwsIdentity,
  readsOnly: boolean,
  context: CloudContext,
): Promise<Expiring<AwsKey>> {
  const { role, token, region } = identity;
  if (role !== undefined && token !== undefined) {
    const subject = await subjectToken(token, "sts.amazonaws.com", context);
    return assumeRoleWithToken({ role, region, readsOnly, ...subject }, context);
  }
  const found = await usualKey(context, readsOnly && role === undefined, region);
  return role === undefined ? found : assumeRole({ role, region, readsOnly, ...found }, context);
}

async function usualKey(
  context: CloudContext,
  readsOnly: boolean,
  region: string | undefined,
): Promise<Expiring<AwsKey>> {
  return (
    (await ofVariables(context)) ??
    (await ofToken(context, readsOnly, region)) ??
    (await ofProfile(context)) ??
    (await ofContainer(context)) ??
    ofMachine(context)
  );
}

async function ofVariables({ environment }: CloudContext): Promise<Expiring<AwsKey> | undefined> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: session } = environment;
  if (!id || !secret) return undefined;
  return {
    value: { id, secret, session: session || undefined },
    life: lookedFor,
    source: "$AWS_ACCESS_KEY_ID",
  };
}

async function ofToken(
  context: CloudContext,
  readsOnly: boolean,
  region?: string,
): Promise<Expiring<AwsKey> | undefined> {
  const {
    AWS_WEB_IDENTITY_TOKEN_FILE: file,
    AWS_ROLE_ARN: role,
    AWS_ROLE_SESSION_NAME: session,
  } = context.environment;
  if (!file || !role) return undefined;
  const subject = await subjectToken({ file }, "sts.amazonaws.com", context);
  return assumeRoleWithToken({ role, region, readsOnly, session: session || undefined, ...subject }, context);
}

async function ofProfile({ environment, home }: CloudContext): Promise<Expiring<AwsKey> | undefined> {
  const named = environment.AWS_SHARED_CREDENTIALS_FILE;
  const file = named || join(home, ".aws", "credentials");
  const profile = environment.AWS_PROFILE || "default";
  const read = await ifPresent(readNamed(file, 1024 * 1024));
  const fields = profileIn(read?.bytes.toString("utf8") ?? "", profile);
  const [id, secret] = [fields.get("aws_access_key_id"), fields.get("aws_secret_access_key")];
  if (id && secret) {
    const session = fields.get("aws_session_token") || undefined;
    return {
      value: { id, secret, session },
      life: lookedFor,
      source: `the profile ${harmless(profile)} of ${file}`,
    };
  }
  // Whoever has named one of the two did not mean some other key.
  if (!named && !environment.AWS_PROFILE) return undefined;
  throw new CloudError("identity-invalid", `the profile ${harmless(profile)} has no key`, {
    where: file,
    hint: "write aws_access_key_id and aws_secret_access_key there; logins by SSO and programs are not read",
  });
}

const sessionSchema = z.object({
  AccessKeyId: z.string().check(z.minLength(1), z.maxLength(256)),
  SecretAccessKey: z.string().check(z.minLength(1), z.maxLength(1_024)),
  Token: z.string().check(z.minLength(1), z.maxLength(65_536)),
  Expiration: z.string().check(z.maxLength(64)),
});

function sessionOf(
  { AccessKeyId: id, SecretAccessKey: secret, Token: session, Expiration }: z.output<typeof sessionSchema>,
  source: string,
  now: number,
): Expiring<AwsKey> {
  return { value: { id, secret, session }, life: lifeUntil(Expiration, now), source };
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
async function ofContainer({ environment, wire, now }: CloudContext): Promise<Expiring<AwsKey> | undefined> {
  const { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative, AWS_CONTAINER_CREDENTIALS_FULL_URI: full } =
    environment;
  const address = relative ? `http://169.254.170.2${relative}` : full;
  if (!address) return undefined;
  const who = "Amazon's server for the container's credentials";
  const url = safeUrl(
    address,
    relative ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" : "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  );
  if (relative && url.host !== "169.254.170.2") {
    throw new CloudError("identity-invalid", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path", {
      where: url.host,
    });
  }
  const file = environment.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
  const token = file
    ? (await readIdentityFile(file, "with the container's token")).trim()
    : environment.AWS_CONTAINER_AUTHORIZATION_TOKEN || undefined;
  if (token !== undefined && !/^[\x20-\x7e]+$/.test(token)) {
    throw new CloudError("identity-invalid", "the container's token is none", {
      where: file || "$AWS_CONTAINER_AUTHORIZATION_TOKEN",
    });
  }
  const secrets = token === undefined ? [] : [token];
  const answer = await wire({ method: "GET", url, authorization: token, who, secrets });
  return sessionOf(readAnswer(answer, sessionSchema, who), who, now());
}

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html, version 2 alone */
async function ofMachine({ environment, wire, now }: CloudContext): Promise<Expiring<AwsKey>> {
  const who = "Amazon's metadata server";
  const base = safeUrl(
    environment.AWS_EC2_METADATA_SERVICE_ENDPOINT || "http://169.254.169.254",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  );
  const missing = (cause?: unknown) =>
    new CloudError("identity-missing", "nobody says who this process is at Amazon", {
      where: base.host,
      hint: "set AWS_ACCESS_KEY_ID or AWS_PROFILE, give the machine or the pod a role, or say in the settings who vouches",
      cause,
    });
  if (environment.AWS_EC2_METADATA_DISABLED?.toLowerCase() === "true") throw missing();
  if (!isLocalServer(base)) {
    throw new CloudError(
      "identity-invalid",
      "AWS_EC2_METADATA_SERVICE_ENDPOINT is no server that only this machine reaches",
      { where: base.host },
    );
  }
  const begun = await wire({
    ...{ method: "PUT", url: new URL("/latest/api/token", base), who },
    headers: { "x-aws-ec2-metadata-token-ttl-seconds": "300" },
  }).catch((cause: unknown) => {
    throw missing(cause);
  });
  if (!isSuccess(begun))
    throw refusalOf(begun, who, "IMDSv2 has to be on, and its hop limit enough for a container");
  const session = Buffer.from(begun.bytes).toString("utf8");
  if (!/^[\x21-\x7e]{1,1024}$/.test(session)) throw missing();
  const headers = { "x-aws-ec2-metadata-token": session };
  const folder = new URL("/latest/meta-data/iam/security-credentials/", base);
  const listed = await wire({ method: "GET", url: folder, headers, who, secrets: [session] });
  if (!isSuccess(listed)) throw refusalOf(listed, who, "the machine has to have an instance profile");
  const [role = ""] = Buffer.from(listed.bytes).toString("utf8").split("\n");
  if (!/^[\w+=,.@-]{1,128}$/.test(role)) throw missing();
  const answer = await wire({ method: "GET", url: new URL(role, folder), headers, who, secrets: [session] });
  return sessionOf(readAnswer(answer, sessionSchema, who), `${who}, as ${role}`, now());
}
