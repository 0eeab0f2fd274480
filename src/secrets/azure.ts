import * as z from "zod/mini";
import { readAnswer, safeUrl } from "../clouds/index.ts";
import { isLoopbackHost } from "../http/index.ts";
import { SecretError } from "./errors.ts";
import { badPath, type ManagerContext, type SecretManager } from "./manager.ts";
import type { AzureVaultSetting } from "./model.ts";

const schema = z.object({ value: z.string().check(z.maxLength(128 * 1024)) });
/** Vaults by their clouds, and what Entra ID calls them there. */
const known = /\.(vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net))$/;

/** https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret */
export function openAzureVault(
  { address, identity = "azure" }: AzureVaultSetting,
  { identities }: ManagerContext,
): SecretManager {
  const base = safeUrl(address, "the address of the manager of secrets");
  const [, cloud = isLoopbackHost(base.hostname) ? "vault.azure.net" : undefined] =
    known.exec(base.hostname) ?? [];
  return {
    async read(path) {
      if (cloud === undefined) {
        throw new SecretError("secret-invalid", `${base.host} is no vault of Azure's`, {
          hint: "nothing was asked for; write https://NAME.vault.azure.net",
        });
      }
      if (!/^[A-Za-z0-9-]{1,127}(?:\/[0-9a-f]{32})?$/.test(path)) {
        throw badPath(path, "the name of a secret, or NAME/VERSION");
      }
      const url = new URL(`/secrets/${path}?api-version=7.4`, base);
      const { value } = await identities.azure(identity, `https://${cloud}`);
      const who = "Azure Key Vault";
      const answer = await identities.wire({ method: "GET", url, authorization: `Bearer ${value}`, who });
      return readAnswer(answer, schema, who, "has whoever it is the role Key Vault Secrets User there?")
        .value;
    },
  };
}
