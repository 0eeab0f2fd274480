import { z } from "zod";
import { allPages, answered, unwrapped } from "../answers.ts";
import { ForgeError } from "../errors.ts";
import { type GiteaClient, ownerThenName } from "./client.ts";

const labelSchema = z.object({ id: z.number(), name: z.string() });

type Label = z.infer<typeof labelSchema>;

/** Labels of pull requests, which Gitea knows by number. */
export interface Labels {
  /** Sets all labels of a pull request, by their names; makes such as do not exist. */
  set(number: number, names: readonly string[]): Promise<void>;
}

/** A light grey: what GitHub gives to labels that nobody has chosen a color for. */
const color = "#ededed";

/** The labels of a repository, and of the organization that it belongs to. */
export function openLabels(client: GiteaClient, path: string): Labels {
  const ofRepository = (): Promise<readonly Label[]> =>
    allPages(
      (page) => client.repos.issueListLabels(...ownerThenName(path), { limit: 50, page }),
      z.array(labelSchema),
    );

  const ofOrganization = async (): Promise<readonly Label[]> => {
    const [owner] = ownerThenName(path);
    try {
      return await allPages(
        (page) => client.orgs.orgListLabels(owner, { limit: 50, page }),
        z.array(labelSchema),
      );
    } catch (error) {
      // The owner is a user, or the token may not see what organizations have.
      const isNone =
        error instanceof ForgeError && (error.code === "not-found" || error.code === "forbidden");
      if (isNone) return [];
      throw error;
    }
  };

  return {
    async set(number, names) {
      const ids = new Map<string, number>();
      const note = (labels: readonly Label[]): void => {
        for (const { id, name } of labels) if (!ids.has(name)) ids.set(name, id);
      };
      const isMissing = (name: string): boolean => !ids.has(name);
      if (names.length > 0) note(await ofRepository());
      if (names.some(isMissing)) note(await ofOrganization());
      for (const name of new Set(names.filter(isMissing))) {
        const asked = client.repos.issueCreateLabel(...ownerThenName(path), { name, color: color });
        note([await answered(asked, labelSchema)]);
      }
      const labels = [...new Set(names)].flatMap((name) => ids.get(name) ?? []);
      await unwrapped(client.repos.issueReplaceLabels(...ownerThenName(path), number, { labels }));
    },
  };
}
