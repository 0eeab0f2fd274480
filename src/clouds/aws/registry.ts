import * as z from "zod/mini";
import type { CloudContext } from "../context.ts";
import { CloudError } from "../errors.ts";
import { readAnswer, safeUrl } from "../wire.ts";
import { type AwsKey, lifeUntil } from "./key.ts";
import { askAmazon, domainOf, isRegion } from "./sign.ts";

const authorization = z.object({
  authorizationToken: z.string().check(z.minLength(1), z.maxLength(65_536)),
  /** Seconds since the epoch. */
  expiresAt: z.optional(z.number()),
});
const schema = z.object({
  authorizationData: z.union([authorization, z.array(authorization).check(z.minLength(1), z.maxLength(10))]),
});
/** A registry's service that gives logins: its address, and how what it is asked is named and signed. */
interface RegistryService {
  readonly url: URL;
  readonly region: string;
  readonly service: string;
  readonly target: string;
}

/** What a registry of Amazon's is logged in to with. @throws {CloudError} */
export async function awsRegistryLogin(
  host: string,
  key: { readonly value: AwsKey; readonly source: string },
  region: string | undefined,
  context: CloudContext,
) {
  const { url, target, ...how } = serviceOf(host, region, context);
  const who = "Amazon's registry service";
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
  const answer = await askAmazon({ url, headers, body: "{}", who, ...how }, key.value, context);
  const hint =
    "whoever it is has to have the right ecr:GetAuthorizationToken, and public registries' sts:GetServiceBearerToken";
  const { authorizationData } = readAnswer(answer, schema, who, hint);
  const [first] = [authorizationData].flat();
  const decoded = Buffer.from(first?.authorizationToken ?? "", "base64").toString("utf8");
  const [, username, password] = /^([^:]+):([\x21-\x7e]+)$/.exec(decoded) ?? [];
  if (username === undefined || password === undefined) {
    throw new CloudError("identity-unreachable", `${who} answered something else than a login`, {
      where: url.host,
    });
  }
  const now = context.now();
  const ends = first?.expiresAt === undefined ? "" : new Date(first.expiresAt * 1_000).toISOString();
  return { value: { username, password }, life: lifeUntil(ends, now), source: key.source };
}

/**
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html and
 * https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html
 */
function serviceOf(host: string, named: string | undefined, { environment }: CloudContext): RegistryService {
  const name = host.replace(/:\d+$/, "");
  if (name === "public.ecr.aws") {
    const region = "us-east-1";
    const address =
      environment.AWS_ENDPOINT_URL_ECR_PUBLIC || `https://api.ecr-public.${region}.amazonaws.com`;
    const url = new URL("/", safeUrl(address, "AWS_ENDPOINT_URL_ECR_PUBLIC"));
    return { url, region, service: "ecr-public", target: "SpencerFrontendService.GetAuthorizationToken" };
  }
  const [, fips = "", ofHost] = /\.dkr[.-]ecr(-fips)?\.([a-z0-9-]+)\.[a-z.]+$/.exec(name) ?? [];
  const region = ofHost ?? named ?? (environment.AWS_REGION || environment.AWS_DEFAULT_REGION || "");
  if (!isRegion(region)) {
    throw new CloudError("identity-missing", `nobody says in which region ${name} is`, {
      where: name,
      hint: "write region: beside cloud: aws",
    });
  }
  const address =
    environment.AWS_ENDPOINT_URL_ECR ||
    `https://${fips === "" ? "api.ecr" : "ecr-fips"}.${region}.${domainOf(region)}`;
  const url = new URL("/", safeUrl(address, "AWS_ENDPOINT_URL_ECR"));
  const target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
  return { url, region, service: "ecr", target };
}
