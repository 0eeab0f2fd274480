import * as z from "zod/mini";
import { readAnswer } from "../clouds/index.ts";
import { badPath, type ManagerContext, type SecretManager } from "./manager.ts";
import type { GoogleSecretsSetting } from "./model.ts";

const schema = z.object({ payload: z.object({ data: z.string().check(z.maxLength(128 * 1024)) }) });

/** https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access */
export function openGoogleSecrets(
  { project, identity = "google" }: GoogleSecretsSetting,
  { identities, services }: ManagerContext,
): SecretManager {
  const origin = services?.googleSecrets ?? "https://secretmanager.googleapis.com";
  return {
    async read(path) {
      const [, name, version = "latest"] = /^([\w-]{1,255})(?:\/([\w-]{1,63}))?$/.exec(path) ?? [];
      if (name === undefined) throw badPath(path, "the name of a secret, or NAME/VERSION");
      const url = new URL(
        `/v1/projects/${encodeURIComponent(project)}/secrets/${name}/versions/${version}:access`,
        origin,
      );
      const { value } = await identities.google(identity);
      const who = "Google's Secret Manager";
      const answer = await identities.wire({ method: "GET", url, authorization: `Bearer ${value}`, who });
      const hint = "has whoever it is the role roles/secretmanager.secretAccessor on it?";
      return Buffer.from(readAnswer(answer, schema, who, hint).payload.data, "base64").toString("utf8");
    },
  };
}
