import { homedir } from "node:os";
import { join } from "node:path";
import { type AwsKey, profileIn } from "../../clouds/index.ts";
import { readRegular } from "../../disk/index.ts";
import { harmless } from "../../errors/index.ts";
import { ObjectError } from "../errors.ts";

const maxFileBytes = 1024 * 1024;

/**
 * Finds the key as Amazon's own tools do: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, else the profile
 * `AWS_PROFILE` of the file `AWS_SHARED_CREDENTIALS_FILE`. It is looked for anew each time, so that one that is replaced while a server
 * runs is used. @throws {ObjectError} `object-credentials-missing`.
 */
export async function findKey(environment: NodeJS.ProcessEnv): Promise<AwsKey> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: session } = environment;
  if (id && secret) return { id, secret, session: session || undefined };
  const home = environment.HOME || homedir();
  const file = environment.AWS_SHARED_CREDENTIALS_FILE || join(home, ".aws", "credentials");
  const profile = environment.AWS_PROFILE || "default";
  const text = await readRegular(file, maxFileBytes).catch((cause: unknown) => {
    throw missing("there is no key for the bucket", file, cause);
  });
  const fields = profileIn(text.toString(), profile);
  const [fileId, fileSecret] = [fields.get("aws_access_key_id"), fields.get("aws_secret_access_key")];
  if (!fileId || !fileSecret) throw missing(`the profile ${harmless(profile)} has no key`, file);
  return { id: fileId, secret: fileSecret, session: fields.get("aws_session_token") || undefined };
}

function missing(message: string, where: string, cause?: unknown): ObjectError {
  return new ObjectError("object-credentials-missing", message, {
    where,
    hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file and a profile by AWS_SHARED_CREDENTIALS_FILE and AWS_PROFILE",
    cause,
  });
}
