import { z } from "zod";
import { allPages, unwrapped } from "../answers.ts";
import type { CommitStatuses } from "../forge.ts";
import { ownerAndName } from "../remote.ts";
import { cutTo } from "../said.ts";
import type { GitHubClient } from "./client.ts";

const statusSchema = z.object({
  context: z.string(),
  state: z.enum(["pending", "success", "failure", "error"]),
  description: z.string().nullish(),
  target_url: z.string().nullish(),
});

const maxDescriptionLength = 140;

/** https://docs.github.com/rest/commits/statuses */
export function openStatuses(client: GitHubClient, path: string): CommitStatuses {
  return {
    async read(commit) {
      const statuses = await allPages(async (page) => {
        const { data, headers } = await client("GET /repos/{owner}/{repo}/commits/{ref}/status", {
          ...ownerAndName(path),
          ...{ ref: commit, per_page: 100, page },
        });
        // Whatever else it is, the schema refuses it.
        return { data: (data as { statuses?: unknown } | null)?.statuses, headers };
      }, z.array(statusSchema));
      return statuses.map(({ context, state, description, target_url: url }) => ({
        ...{ context, state, description: description ?? "" },
        ...(url ? { url } : {}),
      }));
    },
    async set(commit, { context, state, description, url }) {
      await unwrapped(
        client("POST /repos/{owner}/{repo}/statuses/{sha}", {
          ...ownerAndName(path),
          ...{ sha: commit, context, state, description: cutTo(maxDescriptionLength, description) },
          ...(url === undefined ? {} : { target_url: url }),
        }),
      );
    },
  };
}
