import * as z from "zod/mini";
import { isLoopbackHost } from "../../http/index.ts";
import type { CloudContext } from "../context.ts";
import type { Expiring } from "../token.ts";
import { formOf, readAnswer } from "../wire.ts";

const schema = z.object({ refresh_token: z.string().check(z.minLength(1), z.maxLength(65_536)) });
/** Such tokens live three hours. */
const usualLife = 60 * 60_000;

/**
 * The refresh token that a registry gives for a token of Entra ID, which is shown to that registry alone
 * (https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md). @throws {CloudError}
 */
export async function azureRegistryLogin(
  host: string,
  token: { readonly value: string; readonly source: string },
  { wire }: CloudContext,
): Promise<Expiring<string>> {
  const { hostname } = new URL(`https://${host}`);
  const url = new URL(`${isLoopbackHost(hostname) ? "http" : "https"}://${host}/oauth2/exchange`);
  const who = `the registry ${host}`;
  const form = formOf({ grant_type: "access_token", service: host, access_token: token.value });
  const answer = await wire({ method: "POST", url, who, ...form, secrets: [token.value] });
  const hint = "has whoever it is the role AcrPull or AcrPush there?";
  const { refresh_token: value } = readAnswer(answer, schema, who, hint);
  return { value, life: usualLife, source: token.source };
}
