import { isSuccess } from "../../http/index.ts";
import type { CloudContext } from "../context.ts";
import { CloudError } from "../errors.ts";
import type { Expiring } from "../token.ts";
import { type CloudWire, formOf, refusalOf, safeUrl } from "../wire.ts";
import { type AwsKey, lifeUntil } from "./key.ts";
import { askAmazon, domainOf, isRegion } from "./sign.ts";

interface RoleWish {
  /** ARN. */
  readonly role: string;
  readonly region: string | undefined;
  readonly session?: string | undefined;
  readonly readsOnly: boolean;
}

/** A session's rights are those of the role and of this alone. */
const readingPolicy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Action: [
        ...["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        ...[
          "ecr:BatchCheckLayerAvailability",
          "ecr:DescribeImages",
          "ecr:DescribeRepositories",
          "ecr:ListImages",
        ],
        ...["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
      ],
      Resource: "*",
    },
  ],
});
const hint = "does the role trust this issuer, audience and subject?";
const who = "Amazon's security token service";

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html: nothing but the token speaks for us. */
export async function assumeRoleWithToken(
  wish: RoleWish & { readonly token: string; readonly source: string },
  context: CloudContext,
): Promise<Expiring<AwsKey>> {
  const { url } = serviceOf(wish.region, context);
  const form = formOf({ ...fieldsOf(wish, "AssumeRoleWithWebIdentity"), WebIdentityToken: wish.token });
  const answer = await context.wire({ method: "POST", url, who, ...form, secrets: [wish.token] });
  return sessionOf(answer, `${who}, for the token of ${wish.source}, as ${wish.role}`, context);
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
export async function assumeRole(
  wish: RoleWish & Expiring<AwsKey>,
  context: CloudContext,
): Promise<Expiring<AwsKey>> {
  const { url, region } = serviceOf(wish.region, context);
  const form = formOf(fieldsOf(wish, "AssumeRole"));
  const answer = await askAmazon({ url, service: "sts", region, who, ...form }, wish.value, context);
  return sessionOf(answer, `${wish.source}, as ${wish.role}`, context);
}

function fieldsOf({ role, session = "waybill", readsOnly }: RoleWish, action: string) {
  return {
    ...{ Action: action, Version: "2011-06-15", RoleArn: role, RoleSessionName: session },
    ...{ DurationSeconds: "3600", Policy: readsOnly ? readingPolicy : undefined },
  };
}

function serviceOf(named: string | undefined, { environment }: CloudContext): { url: URL; region: string } {
  const region = named ?? (environment.AWS_REGION || environment.AWS_DEFAULT_REGION);
  if (region !== undefined && region !== "" && !isRegion(region)) {
    throw new CloudError("identity-invalid", "this is no region of Amazon's", { where: region.slice(0, 60) });
  }
  const address =
    environment.AWS_ENDPOINT_URL_STS ||
    (region ? `https://sts.${region}.${domainOf(region)}` : "https://sts.amazonaws.com");
  return { url: new URL("/", safeUrl(address, "AWS_ENDPOINT_URL_STS")), region: region || "us-east-1" };
}

function sessionOf(
  answer: Awaited<ReturnType<CloudWire>>,
  source: string,
  { now }: CloudContext,
): Expiring<AwsKey> {
  if (!isSuccess(answer)) throw refusalOf(answer, who, hint);
  const text = Buffer.from(answer.bytes).toString("utf8");
  const field = (name: string) =>
    new RegExp(`(?:<${name}>|"${name}"\\s*:\\s*"?)([A-Za-z0-9+/=_:.-]{1,65536})(?=["<,}\\s])`).exec(
      text,
    )?.[1];
  const [id, secret, session] = [field("AccessKeyId"), field("SecretAccessKey"), field("SessionToken")];
  if (id === undefined || secret === undefined || session === undefined) {
    throw new CloudError("identity-unreachable", `${who} answered something else than keys`, {
      where: answer.from.host,
    });
  }
  return { value: { id, secret, session }, life: lifeOf(field("Expiration"), now()), source };
}

/** A number of seconds since the epoch in JSON, a time in XML. */
function lifeOf(written: string | undefined, now: number): number {
  const seconds = Number(written);
  return lifeUntil(Number.isNaN(seconds) ? (written ?? "") : new Date(seconds * 1_000).toISOString(), now);
}
