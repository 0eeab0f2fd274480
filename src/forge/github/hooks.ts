import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import type { HookLook, RepositoryHooks } from "../forge.ts";
import { lookedAt, newestOf } from "../hooks.ts";
import { unlessHidden, unlessNotFound } from "../people.ts";
import { ownerAndName } from "../remote.ts";
import type { GitHubKind } from "./forge.ts";

const hookSchema = z.object({
  id: z.number(),
  active: z.boolean(),
  config: z.object({ url: z.nullish(z.string()) }),
});
const deliverySchema = z.object({ id: z.number(), repository_id: z.nullish(z.number()) });
const repositorySchema = z.object({ id: z.number() });

/** Deliveries that are looked through: all of them mean the same. */
const deliveriesLooked = { per_page: 100, status: "failure" } as const;
/** Hooks of one repository that lead here. */
const maxHooks = 5;

/**
 * https://docs.github.com/rest/repos/webhooks, https://docs.github.com/rest/apps/webhooks: what was delivered is known for three days, and
 * never delivered once more by itself. Gitea tells which hooks are switched off, and nothing of deliveries.
 * @param asApp The API as the app itself, where we are one.
 */
export function openHooks(
  client: ForgeClient,
  kind: GitHubKind,
  path: string,
  asApp: ForgeClient | undefined,
): RepositoryHooks {
  const place = ownerAndName(path);
  const ofHook = async (id: number): Promise<readonly number[]> => {
    const route = "GET /repos/{owner}/{repo}/hooks/{id}/deliveries";
    const found = await client.ask(route, { ...place, id, ...deliveriesLooked }, z.array(deliverySchema));
    return found.map((delivery) => delivery.id);
  };
  const ofApp = async (app: ForgeClient): Promise<readonly number[]> => {
    const { id } = await client.ask("GET /repos/{owner}/{repo}", place, repositorySchema);
    const found = await app.ask("GET /app/hook/deliveries", deliveriesLooked, z.array(deliverySchema));
    return found.flatMap((delivery) => (delivery.repository_id === id ? [delivery.id] : []));
  };
  return {
    async look(prefix, mark): Promise<HookLook | undefined> {
      const listed = client.list("GET /repos/{owner}/{repo}/hooks", place, hookSchema);
      const all = await unlessHidden(unlessNotFound(listed));
      if (all === undefined && asApp === undefined) return undefined;
      const own = (all ?? []).filter(({ config }) => config.url?.startsWith(prefix)).slice(0, maxHooks);
      const off = own.filter(({ active }) => !active).length;
      const failed: number[] = [];
      if (kind === "github") for (const { id } of own) failed.push(...(await ofHook(id)));
      if (asApp !== undefined) failed.push(...((await unlessNotFound(ofApp(asApp))) ?? []));
      const trouble = off === 0 ? undefined : lookedAt(own.length, off, "somebody has switched it off");
      return { trouble, ...newestOf(failed, mark) };
    },
  };
}
