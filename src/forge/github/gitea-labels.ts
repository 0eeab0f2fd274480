import { z } from "zod";
import type { ForgeClient } from "../client.ts";
import { ForgeError } from "../errors.ts";
import { ownerAndName } from "../remote.ts";

const labelSchema = z.object({ id: z.number(), name: z.string() });

type Label = z.infer<typeof labelSchema>;

/** A light grey: what GitHub gives to labels that nobody has chosen a color for. */
const color = "#ededed";

/**
 * The numbers of labels, by which Gitea knows them: of the repository, or of the organization that it belongs to. Makes such as do not
 * exist.
 */
export async function numbersOfLabels(
  client: ForgeClient,
  path: string,
  names: readonly string[],
): Promise<readonly number[]> {
  const { owner, repo } = ownerAndName(path);
  const ids = new Map<string, number>();
  const note = (labels: readonly Label[]): void => {
    for (const { id, name } of labels) if (!ids.has(name)) ids.set(name, id);
  };
  const isMissing = (name: string): boolean => !ids.has(name);
  if (names.length > 0)
    note(await client.list("GET /repos/{owner}/{repo}/labels", { owner, repo }, labelSchema));
  if (names.some(isMissing)) note(await ofOrganization(client, owner));
  for (const name of new Set(names.filter(isMissing))) {
    note([await client.ask("POST /repos/{owner}/{repo}/labels", { owner, repo, name, color }, labelSchema)]);
  }
  return [...new Set(names)].flatMap((name) => ids.get(name) ?? []);
}

async function ofOrganization(client: ForgeClient, org: string): Promise<readonly Label[]> {
  try {
    return await client.list("GET /orgs/{org}/labels", { org }, labelSchema);
  } catch (error) {
    // The owner is a user, or the token may not see what organizations have.
    if (error instanceof ForgeError && (error.code === "not-found" || error.code === "forbidden")) return [];
    throw error;
  }
}
