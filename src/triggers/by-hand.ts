import type { Sql } from "../database/index.ts";
import { type Job, refOf, repositoryKey } from "../jobs/index.ts";
import type { Asked } from "../queue/index.ts";
import { ask } from "./asks.ts";
import { TriggerError } from "./errors.ts";

/** What somebody wants a job to be run for. */
export interface ByHand {
  /** `main`, `v1.0.0`, or in full; what the job says when it is left out. */
  readonly ref?: string | undefined;
  /** A full hash; where the ref stands when it is left out. */
  readonly commit?: string | undefined;
}

/**
 * Asks for a run because somebody wants it, within a transaction.
 * @throws {TriggerError} `unknown-ref`: nobody knows which branch or tag is meant; `not-startable`: it needs a pull request.
 */
export async function askByHand(
  sql: Sql,
  job: Job,
  { ref: named, commit }: ByHand,
  by: { readonly who: string; readonly at: Date; readonly from: "hand" | "comment" },
): Promise<Asked> {
  const where = job.name;
  if (job.work.kind === "review") {
    throw new TriggerError("not-startable", "a review is of a pull request, and none was named", {
      ...{ where, hint: "write /test under the pull request" },
    });
  }
  const ref = named === undefined ? refOf(job, "hand") : await fullName(sql, job, named);
  if (ref === undefined) {
    throw new TriggerError("unknown-ref", "the job names no branch, and neither do you", {
      ...{
        where,
        hint: "name the branch or the tag that it is to be run for (--ref), or say it in the job (ref)",
      },
    });
  }
  const known = commit ?? (await commitOf(sql, job, ref));
  const cause = {
    by: by.from,
    text: `${by.who} asked for it`,
    at: by.at.toISOString(),
    who: by.who,
  } as const;
  return ask(sql, job, { ref, commit: known }, cause);
}

async function fullName(sql: Sql, { name, repo }: Job, named: string): Promise<string> {
  if (/^refs\/(?:heads|tags)\/./.test(named)) return named;
  const found = await sql.query<{ readonly ref: string }>(
    "SELECT ref FROM remote_ref WHERE repository = $1 AND ref = ANY ($2::text[]) AND gone_at IS NULL ORDER BY ref",
    [repositoryKey(repo), [`refs/heads/${named}`, `refs/tags/${named}`]],
  );
  const [one, other] = found;
  if (one !== undefined && other === undefined) return one.ref;
  const message =
    one === undefined
      ? `nobody has seen a branch or a tag ${JSON.stringify(named.slice(0, 200))}`
      : `${JSON.stringify(named.slice(0, 200))} is a branch as well as a tag`;
  throw new TriggerError("unknown-ref", message, {
    ...{ where: name, hint: "name it in full, such as refs/heads/main or refs/tags/v1.0.0" },
  });
}

async function commitOf(sql: Sql, { repo }: Job, ref: string): Promise<string | undefined> {
  const [row] = await sql.query<{ readonly commit: string }>(
    "SELECT commit FROM remote_ref WHERE repository = $1 AND ref = $2 AND gone_at IS NULL",
    [repositoryKey(repo), ref],
  );
  return row?.commit;
}
