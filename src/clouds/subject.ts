import * as z from "zod/mini";
import { errorCodeOf, readNamed } from "../disk/index.ts";
import { CloudError } from "./errors.ts";
import type { SubjectPlace } from "./model.ts";
import { type CloudWire, isLocalServer, readAnswer, safeUrl } from "./wire.ts";

const maxTokenBytes = 64 * 1024;

/** A file that says who this process is, at most 1 MiB, as text. @throws {CloudError} `identity-invalid`. */
export async function readIdentityFile(file: string, what: string): Promise<string> {
  const read = await readNamed(file, 1024 * 1024).catch((cause: unknown) => {
    const code = errorCodeOf(cause);
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "unknown error"})`;
    throw new CloudError("identity-invalid", `the file ${what} ${why}`, { where: file });
  });
  return read.bytes.toString("utf8");
}

/** What comes of the places of a token. */
export interface SubjectToken {
  readonly token: string;
  /** For people. */
  readonly source: string;
}

/**
 * What somebody else vouches for this process with. Looked for anew each time: such tokens end within minutes, and files and
 * variables get new ones. @param usualAudience Whom the token is for where nobody says it.
 * @throws {CloudError}
 */
export async function subjectToken(
  { github, file, variable }: SubjectPlace,
  usualAudience: string,
  { environment, wire }: { readonly environment: NodeJS.ProcessEnv; readonly wire: CloudWire },
): Promise<SubjectToken> {
  if (github !== undefined) {
    const token = await gitHubToken(github.audience ?? usualAudience, environment, wire);
    return { token, source: "GitHub Actions" };
  }
  if (file !== undefined) {
    return { token: checked(await readIdentityFile(file, "with the token"), file), source: file };
  }
  const value = variable === undefined ? undefined : environment[variable];
  const source = `$${variable}`;
  if (value) return { token: checked(value, source), source };
  throw new CloudError("identity-missing", `the variable ${variable} has no token`, {
    where: source,
    hint: "in GitLab, name it under id_tokens: of the job",
  });
}

function checked(text: string, where: string): string {
  const token = text.trim();
  if (token.length <= maxTokenBytes && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new CloudError("identity-invalid", "this is no token", { where });
}

const gitHubSchema = z.object({ value: z.string().check(z.minLength(1), z.maxLength(maxTokenBytes)) });

/**
 * https://docs.github.com/en/actions/reference/security/oidc. The address comes from a variable, and what asks there is itself a
 * secret: it is told to GitHub, or to the server of one's own that the runner works for.
 */
async function gitHubToken(
  audience: string,
  environment: NodeJS.ProcessEnv,
  wire: CloudWire,
): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = environment;
  const who = "GitHub Actions";
  if (!address || !secret) {
    throw new CloudError("identity-missing", "this job may not ask GitHub for a token", {
      where: "$ACTIONS_ID_TOKEN_REQUEST_URL",
      hint: "write into the workflow: permissions: { id-token: write }",
    });
  }
  const url = safeUrl(address, "ACTIONS_ID_TOKEN_REQUEST_URL");
  const own = environment.GITHUB_SERVER_URL;
  const isOwn = own !== undefined && URL.canParse(own) && new URL(own).host === url.host;
  if (!/\.githubusercontent\.com$/.test(url.hostname) && !isOwn && !isLocalServer(url)) {
    throw new CloudError("identity-invalid", "ACTIONS_ID_TOKEN_REQUEST_URL is not GitHub's", {
      where: url.host,
      hint: "something has changed the variables of the job: look at its earlier steps",
    });
  }
  url.searchParams.set("audience", audience);
  const answer = await wire({ method: "GET", url, authorization: `Bearer ${secret}`, who });
  return readAnswer(answer, gitHubSchema, who, "is id-token: write among the permissions of the job?").value;
}
