import * as z from "zod/mini";
import type { CloudContext } from "../context.ts";
import { CloudError } from "../errors.ts";
import type { AzureIdentity } from "../model.ts";
import { type SubjectToken, subjectToken } from "../subject.ts";
import type { Expiring } from "../token.ts";
import { formOf, isLocalServer, readAnswer, safeUrl } from "../wire.ts";

const seconds = z.pipe(
  z.union([z.number(), z.string().check(z.regex(/^\d{1,12}$/))]),
  z.transform((written) => Number(written)),
);
const schema = z.object({
  access_token: z.string().check(z.minLength(1), z.maxLength(65_536), z.regex(/^[\x21-\x7e]+$/)),
  /** Text from metadata servers, a number from others. */
  expires_in: z.optional(seconds),
  /** Seconds since the epoch: all that some servers of App Service say. */
  expires_on: z.optional(seconds),
});
const day = 24 * 3_600_000;
const authorities: ReadonlySet<string> = new Set([
  ...["login.microsoftonline.com", "login.microsoftonline.us"],
  ...["login.chinacloudapi.cn", "login.partner.microsoftonline.cn"],
]);

/**
 * A token of Entra ID for one resource, such as `https://vault.azure.net`. Where settings do not say who this process is, it is found
 * as Microsoft's own libraries find it: the file of a federated token, the address that a service of Azure's gives to what it runs, the
 * metadata server of the machine. @throws {CloudError}
 */
export async function azureToken(
  { tenant, client, token }: AzureIdentity,
  resource: string,
  context: CloudContext,
): Promise<Expiring<string>> {
  const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE: file } = context.environment;
  const place = token ?? (file ? { file } : undefined);
  const id = client ?? (AZURE_CLIENT_ID || undefined);
  if (place === undefined) return ofMachine(id, resource, context);
  const directory = tenant ?? (AZURE_TENANT_ID || undefined);
  if (directory === undefined || id === undefined) {
    throw new CloudError("identity-missing", "a federated token needs a tenant and a client beside it", {
      where: file ? "$AZURE_FEDERATED_TOKEN_FILE" : "waybill.yaml",
      hint: "write tenant and client in the settings, or set AZURE_TENANT_ID and AZURE_CLIENT_ID",
    });
  }
  const subject = await subjectToken(place, "api://AzureADTokenExchange", context);
  return federated({ tenant: directory, client: id, resource, subject }, context);
}

interface Federation {
  readonly tenant: string;
  readonly client: string;
  readonly resource: string;
  readonly subject: SubjectToken;
}

/** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, the third case */
async function federated(
  { tenant, client, resource, subject }: Federation,
  context: CloudContext,
): Promise<Expiring<string>> {
  const who = "Microsoft's token service";
  const named = context.environment.AZURE_AUTHORITY_HOST;
  const authority = safeUrl(named || "https://login.microsoftonline.com", "AZURE_AUTHORITY_HOST");
  if (!authorities.has(authority.host) && !isLocalServer(authority)) {
    throw new CloudError("identity-invalid", "AZURE_AUTHORITY_HOST is not Microsoft's", {
      where: authority.host,
      hint: `it is one of ${[...authorities].join(", ")}`,
    });
  }
  const answer = await context.wire({
    ...{ method: "POST", url: new URL(`/${encodeURIComponent(tenant)}/oauth2/v2.0/token`, authority), who },
    ...formOf({
      ...{ client_id: client, scope: `${resource}/.default`, grant_type: "client_credentials" },
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: subject.token,
    }),
    secrets: [subject.token],
  });
  const hint = "has the application a federated credential for this issuer, audience and subject?";
  const source = `Entra ID, for the token of ${subject.source}`;
  return expiring(readAnswer(answer, schema, who, hint), source, context.now());
}

/**
 * https://learn.microsoft.com/azure/app-service/overview-managed-identity and
 * https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 */
async function ofMachine(
  client: string | undefined,
  resource: string,
  { environment, wire, now }: CloudContext,
): Promise<Expiring<string>> {
  const { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: header } = environment;
  const metadata = environment.AZURE_POD_IDENTITY_AUTHORITY_HOST || "http://169.254.169.254";
  const isService = Boolean(endpoint && header);
  const who = isService ? "Azure's identity server" : "Azure's metadata server";
  const url = isService
    ? safeUrl(endpoint ?? "", "IDENTITY_ENDPOINT")
    : new URL("/metadata/identity/oauth2/token", safeUrl(metadata, "AZURE_POD_IDENTITY_AUTHORITY_HOST"));
  if (!isLocalServer(url)) {
    throw new CloudError(
      "identity-invalid",
      `${isService ? "IDENTITY_ENDPOINT" : "AZURE_POD_IDENTITY_AUTHORITY_HOST"} is no server that only this machine reaches`,
      { where: url.host },
    );
  }
  url.searchParams.set("api-version", isService ? "2019-08-01" : "2018-02-01");
  url.searchParams.set("resource", resource);
  if (client !== undefined) url.searchParams.set("client_id", client);
  const headers: Record<string, string> = isService
    ? { "x-identity-header": header ?? "" }
    : { metadata: "true" };
  const asking = wire({ method: "GET", url, headers, who, secrets: isService ? [header ?? ""] : [] });
  const answer = await asking.catch((cause: unknown) => {
    throw new CloudError("identity-missing", "nobody says who this process is at Azure", {
      where: url.host,
      hint: "give the machine a managed identity or the pod a workload identity, or say in the settings who vouches",
      cause,
    });
  });
  const hint = "has the machine this managed identity? Where it has several, name one by client";
  return expiring(readAnswer(answer, schema, who, hint), who, now());
}

function expiring(
  { access_token, expires_in, expires_on }: z.output<typeof schema>,
  source: string,
  now: number,
): Expiring<string> {
  const stated = expires_in === undefined ? (expires_on ?? 0) * 1_000 - now : expires_in * 1_000;
  return { value: access_token, life: Math.min(day, Math.max(60_000, stated)), source };
}
