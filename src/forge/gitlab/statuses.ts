import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import type { CommitStatus, CommitStatuses } from "../forge.ts";
import { ForgeRefusal } from "../refusal.ts";
import { checkedPath } from "../remote.ts";
import { cutTo } from "../said.ts";

const statusSchema = z.object({
  name: z.string(),
  status: z.string(),
  description: z.nullish(z.string()),
  target_url: z.nullish(z.string()),
});

const maxDescriptionLength = 255;

const written: Readonly<Record<CommitStatus["state"], string>> = {
  pending: "pending",
  success: "success",
  failure: "failed",
  error: "canceled",
};

/** What is neither done nor failed is waited for: also what was skipped, for it says nothing of the commit. */
const read: Readonly<Record<string, CommitStatus["state"]>> = {
  success: "success",
  failed: "failure",
  canceled: "error",
};

/** https://docs.gitlab.com/api/commits/#commit-status */
export function openStatuses(client: ForgeClient, path: string): CommitStatuses {
  return {
    async read(commit) {
      const route = "GET /projects/{id}/repository/commits/{commit}/statuses";
      const statuses = await client.list(route, { id: checkedPath(path), commit }, statusSchema);
      return statuses.map(({ name, status, description, target_url: url }) => ({
        context: name,
        state: (Object.hasOwn(read, status) ? read[status] : undefined) ?? "pending",
        description: description ?? "",
        url: url || undefined,
      }));
    },
    async set(commit, { context, state, description, url }) {
      const status = {
        name: context,
        state: written[state],
        description: cutTo(maxDescriptionLength, description),
        target_url: url,
      };
      try {
        await client.send("POST /projects/{id}/statuses/{commit}", {
          ...{ id: checkedPath(path), commit },
          ...status,
        });
      } catch (error) {
        // GitLab refuses to put a status into the state that it is in.
        const isThere = error instanceof ForgeRefusal && /cannot transition status via/i.test(error.reason);
        if (!isThere || state !== "pending") throw error;
      }
    },
  };
}
