import { z } from "zod";
import { answered, unwrapped } from "../answers.ts";
import { ForgeError } from "../errors.ts";
import type { CommitStatus, CommitStatuses } from "../forge.ts";
import { cutTo } from "../said.ts";
import { type GiteaClient, ownerThenName } from "./client.ts";

const statusSchema = z.object({
  context: z.string(),
  status: z.string(),
  description: z.string().nullish(),
  target_url: z.string().nullish(),
});

/** Older versions answer `null` when there is none. */
const combinedSchema = z.union([
  z.null(),
  z.object({ total_count: z.number(), statuses: z.array(statusSchema).nullish() }),
]);

type Status = z.infer<typeof statusSchema>;

const maxPages = 50;

/** Gitea sets no limit; this is what its lists still show. */
const maxDescriptionLength = 255;

/** A warning keeps nobody from merging, and is none of ours; it is no success either. */
const states: Readonly<Record<string, CommitStatus["state"]>> = {
  success: "success",
  failure: "failure",
  error: "error",
};

/** Commit statuses of Gitea and Forgejo. */
export function openStatuses(client: GiteaClient, path: string): CommitStatuses {
  const page = async (commit: string, number: number): Promise<readonly Status[]> => {
    const ref = encodeURIComponent(commit);
    const asked = client.repos.repoGetCombinedStatusByRef(...ownerThenName(path), ref, {
      limit: 50,
      page: number,
    });
    // The client has `null` for what is no JSON, too.
    const answer = asked.then(({ data, error }) => ({
      data: (error as unknown) === null ? data : undefined,
    }));
    return (await answered(answer, combinedSchema))?.statuses ?? [];
  };

  return {
    async read(commit) {
      // Nothing tells how many there are of all: there are more as long as a page has some that are new.
      const found = new Map<string, Status>();
      for (let number = 1, before = -1; found.size > before; number += 1) {
        if (number > maxPages)
          throw new ForgeError("unexpected-answer", `a list of more than ${maxPages} pages`);
        before = found.size;
        for (const status of await page(commit, number)) {
          if (!found.has(status.context)) found.set(status.context, status);
        }
      }
      const statuses = [...found.values()];
      return statuses.map(({ context, status, description, target_url: url }) => ({
        context,
        state: (Object.hasOwn(states, status) ? states[status] : undefined) ?? "pending",
        description: description ?? "",
        ...(url ? { url } : {}),
      }));
    },
    async set(commit, { context, state, description, url }) {
      await unwrapped(
        client.repos.repoCreateStatus(...ownerThenName(path), encodeURIComponent(commit), {
          ...{ context, state, description: cutTo(maxDescriptionLength, description) },
          ...(url === undefined ? {} : { target_url: url }),
        }),
      );
    },
  };
}
