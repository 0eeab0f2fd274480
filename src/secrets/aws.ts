import * as z from "zod/mini";
import { askAmazon, domainOf, readAnswer, safeUrl } from "../clouds/index.ts";
import { badPath, type ManagerContext, type SecretManager } from "./manager.ts";
import type { AwsSecretsSetting } from "./model.ts";

const schema = z.object({ SecretString: z.string().check(z.maxLength(128 * 1024)) });

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
export function openAwsSecrets(
  { region, identity = "aws" }: AwsSecretsSetting,
  { identities, environment }: ManagerContext,
): SecretManager {
  const address =
    environment.AWS_ENDPOINT_URL_SECRETS_MANAGER || `https://secretsmanager.${region}.${domainOf(region)}`;
  return {
    async read(path) {
      if (!/^[\w/+=.@:!-]{1,2048}$/.test(path)) throw badPath(path, "the name or ARN of a secret");
      const key = await identities.aws(identity);
      const who = "Amazon's Secrets Manager";
      const answer = await askAmazon(
        {
          ...{
            url: new URL("/", safeUrl(address, "AWS_ENDPOINT_URL_SECRETS_MANAGER")),
            service: "secretsmanager",
            region,
            who,
          },
          headers: {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "secretsmanager.GetSecretValue",
          },
          body: JSON.stringify({ SecretId: path }),
        },
        key.value,
        identities,
      );
      const hint = "has whoever it is the right secretsmanager:GetSecretValue on it, and is it a text?";
      return readAnswer(answer, schema, who, hint).SecretString;
    },
  };
}
