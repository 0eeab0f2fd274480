import { z } from "zod";
import { allPages, unwrapped } from "../answers.ts";
import type { CommitStatus, CommitStatuses } from "../forge.ts";
import { cutTo } from "../said.ts";
import { type GiteaClient, ownerAndName } from "./client.ts";

const statusSchema = z.object({
  context: z.string(),
  status: z.string(),
  description: z.string().nullish(),
  target_url: z.string().nullish(),
});

/** Gitea sets no limit; this is what its lists still show. */
const longestDescription = 255;

/** A warning keeps nobody from merging, and is none of ours; it is no success either. */
const states: Readonly<Record<string, CommitStatus["state"]>> = {
  success: "success",
  failure: "failure",
  error: "error",
};

/** Commit statuses of Gitea and Forgejo. */
export function openStatuses(client: GiteaClient, path: string): CommitStatuses {
  return {
    async read(commit) {
      const statuses = await allPages(async (page) => {
        const ref = encodeURIComponent(commit);
        const { data, headers } = await client.repos.repoGetCombinedStatusByRef(...ownerAndName(path), ref, {
          ...{ limit: 50, page },
        });
        return { data: data.statuses ?? [], headers };
      }, z.array(statusSchema));
      return statuses.map(({ context, status, description, target_url: url }) => ({
        context,
        state: (Object.hasOwn(states, status) ? states[status] : undefined) ?? "pending",
        description: description ?? "",
        ...(url ? { url } : {}),
      }));
    },
    async set(commit, { context, state, description, url }) {
      await unwrapped(
        client.repos.repoCreateStatus(...ownerAndName(path), encodeURIComponent(commit), {
          ...{ context, state, description: cutTo(longestDescription, description) },
          ...(url === undefined ? {} : { target_url: url }),
        }),
      );
    },
  };
}
