import * as z from "zod/mini";
import { type ForgeClient, maxPages, tooManyPages } from "../client.ts";
import type { CommitStatus, CommitStatuses } from "../forge.ts";
import { ownerAndName } from "../remote.ts";
import { cutTo } from "../said.ts";
import type { GitHubKind } from "./forge.ts";

const stateSchema = z.enum(["pending", "success", "failure", "error"]);
const statusSchema = z.object({
  context: z.string(),
  state: stateSchema,
  description: z.nullish(z.string()),
  target_url: z.nullish(z.string()),
});

/** A warning keeps nobody from merging, and is none of ours; it is no success either. */
const giteaStatusSchema = z.extend(z.omit(statusSchema, { state: true }), {
  status: z.pipe(z.string(), z.catch(stateSchema, "pending")),
});

/** Older versions answer `null` when there is none. */
const giteaPageSchema = z.nullable(
  z.object({ total_count: z.number(), statuses: z.nullish(z.array(giteaStatusSchema)) }),
);

/** Gitea sets no limit; this is what its lists still show. */
const maxDescriptionLength: Readonly<Record<GitHubKind, number>> = { github: 140, gitea: 255 };

/** https://docs.github.com/rest/commits/statuses */
export function openStatuses(client: ForgeClient, kind: GitHubKind, path: string): CommitStatuses {
  const route = "GET /repos/{owner}/{repo}/commits/{commit}/status";

  const ofGitHub = async (commit: string) =>
    client.list(
      route,
      { ...ownerAndName(path), commit },
      statusSchema,
      // Whatever else it is, the schema refuses it.
      (data) => (data as { statuses?: unknown } | null)?.statuses,
    );

  /** Nothing tells how many there are of all: there are more as long as a page has some that are new. */
  const ofGitea = async (commit: string) => {
    const found = new Map<string, z.infer<typeof statusSchema>>();
    for (let page = 1, before = -1; found.size > before; page += 1) {
      if (page > maxPages) throw tooManyPages("");
      before = found.size;
      const values = { ...ownerAndName(path), commit, limit: 50, page };
      const statuses = (await client.ask(route, values, giteaPageSchema))?.statuses ?? [];
      for (const { status: state, ...rest } of statuses) {
        if (!found.has(rest.context)) found.set(rest.context, { ...rest, state });
      }
    }
    return [...found.values()];
  };

  return {
    async read(commit) {
      const statuses = await (kind === "github" ? ofGitHub(commit) : ofGitea(commit));
      return statuses.map(
        ({ context, state, description, target_url: url }): CommitStatus => ({
          ...{ context, state, description: description ?? "", url: url || undefined },
        }),
      );
    },
    async set(commit, { context, state, description, url }) {
      await client.send("POST /repos/{owner}/{repo}/statuses/{commit}", {
        ...ownerAndName(path),
        ...{ commit, context, state, target_url: url },
        description: cutTo(maxDescriptionLength[kind], description),
      });
    },
  };
}
