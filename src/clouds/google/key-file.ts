import * as z from "zod/mini";
import { CloudError } from "../errors.ts";
import { safeUrl } from "../wire.ts";

const text = z.string().check(z.minLength(1), z.maxLength(16_384));

const serviceAccount = z.object({
  type: z.literal("service_account"),
  client_email: text,
  private_key: text,
  private_key_id: z.optional(text),
});
const user = z.object({
  type: z.literal("authorized_user"),
  client_id: text,
  client_secret: text,
  refresh_token: text,
});
const format = z.object({
  type: z.enum(["text", "json"]),
  subject_token_field_name: z.optional(text),
});
const external = z.object({
  type: z.literal("external_account"),
  audience: text,
  subject_token_type: text,
  token_url: text,
  service_account_impersonation_url: z.optional(text),
  credential_source: z.looseObject({
    file: z.optional(text),
    url: z.optional(text),
    headers: z.optional(z.record(z.string(), z.string())),
    format: z.optional(format),
  }),
});
const schema = z.discriminatedUnion("type", [serviceAccount, user, external]);

/** What a JSON file for Google says: a key, a user's login, or who else vouches. */
export type GoogleKeyFile = z.output<typeof schema>;
export type ServiceAccountKey = z.output<typeof serviceAccount>;
export type ExternalAccount = z.output<typeof external>;

/** Of which workload identity pool, and of whom there, Google gives tokens. */
const tokenUrl = "https://sts.googleapis.com/v1/token";
const impersonation =
  /^https:\/\/iamcredentials\.googleapis\.com\/v1\/projects\/-\/serviceAccounts\/([^/@:]+@[^/:]+):generateAccessToken$/;

/**
 * Reads such a file. Addresses in it are Google's own, or those of this machine's servers; programs are not run.
 * @throws {CloudError} `identity-invalid`; never with anything of the content.
 */
export function readKeyFile(json: string, where: string): GoogleKeyFile {
  const found = schema.safeParse(parsed(json));
  if (!found.success) {
    throw new CloudError("identity-invalid", "the file is no key or federation of Google's that is known", {
      where,
      hint: "it has type service_account, external_account or authorized_user; make it anew with gcloud",
    });
  }
  const file = found.data;
  if (file.type !== "external_account") return file;
  const { token_url: url, service_account_impersonation_url: act, credential_source: source } = file;
  const refuse = (message: string, hint: string) =>
    new CloudError("identity-invalid", message, { where, hint });
  if (url !== tokenUrl) throw refuse("token_url is not Google's", `it has to be ${tokenUrl}`);
  if (act !== undefined && !impersonation.test(act)) {
    throw refuse(
      "service_account_impersonation_url is not Google's",
      "make the file anew with gcloud iam workload-identity-pools create-cred-config",
    );
  }
  if ((source.file === undefined) === (source.url === undefined)) {
    throw refuse(
      "credential_source names neither a file nor an address",
      "programs are not run, and Amazon's form is not read: have the token in a file",
    );
  }
  if (source.url !== undefined) safeUrl(source.url, "credential_source.url");
  return file;
}

/** The service account that is acted as. */
export function accountOf({
  service_account_impersonation_url: url = "",
}: ExternalAccount): string | undefined {
  return impersonation.exec(url)?.[1];
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
