import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import type { RepositoryHooks } from "../forge.ts";
import { lookedAt } from "../hooks.ts";
import { unlessHidden, unlessNotFound } from "../people.ts";
import { checkedPath } from "../remote.ts";

const hookSchema = z.object({
  url: z.string(),
  alert_status: z.nullish(z.string()),
  disabled_until: z.nullish(z.string()),
});

/**
 * https://docs.gitlab.com/api/project_webhooks/: a hook that has failed four times in a row is switched off, for longer each time, and for good
 * in the end. What is not delivered is not told of.
 */
export function openHooks(client: ForgeClient, path: string): RepositoryHooks {
  return {
    async look(prefix, mark) {
      const listed = client.list("GET /projects/{id}/hooks", { id: checkedPath(path) }, hookSchema);
      const all = await unlessHidden(unlessNotFound(listed));
      if (all === undefined) return undefined;
      const own = all.filter(({ url }) => url.startsWith(prefix));
      const off = own.filter(({ alert_status: status }) => (status ?? "executable") !== "executable");
      const until = off.find(({ disabled_until: time }) => time)?.disabled_until;
      const why = `GitLab has switched it off after failures, ${until ? `until ${until}` : "for good"}`;
      return {
        trouble: off.length === 0 ? undefined : lookedAt(own.length, off.length, why),
        failed: 0,
        mark,
      };
    },
  };
}
