import {
  AccessError,
  type AuditedAct,
  appendAudit,
  type Identified,
  identify,
  type JobRights,
  type Json,
  mayDo,
  type Principal,
  type ServedAct,
  type Shown,
  withCurrentGroups,
} from "../access/index.ts";
import type { Sql } from "../database/index.ts";
import type { LocatedJob } from "../jobs/index.ts";
import { type Asking, addressOf, timeOf } from "./context.ts";
import { ServerError } from "./errors.ts";
import type { ServedJobs, ServerParts } from "./model.ts";

/** Who somebody is, with the role that their groups give now. @throws {AccessError} `credential-invalid`. */
export async function identifyNow(parts: ServerParts, shown: Shown): Promise<Identified> {
  const { settings, memberships } = parts.access;
  const now = timeOf(parts);
  const { principal, by } = await identify(parts.db, shown, settings, now);
  return { principal: await withCurrentGroups(principal, [], settings, memberships, now), by };
}

/** Refuses what somebody may not do. @throws {AccessError} `forbidden`. */
export function demand(asking: Asking, { access }: ServerParts, act: ServedAct, job?: JobRights): Principal {
  const { principal } = asking.get("identified");
  const leave = mayDo(principal, act, job, access.settings);
  if (leave.isGiven) return principal;
  if (leave.isUnread === true) {
    throw new AccessError("membership-unread", leave.reason, {
      hint: "ask again later; the server needs a token for the forge that may read its members",
    });
  }
  throw new AccessError("forbidden", leave.reason, {
    hint:
      principal.kind === "anonymous"
        ? "log in, or send a token as: Authorization: Bearer TOKEN"
        : "ask one of its admins for the role, or one who may to do it",
  });
}

/** Refuses who shows nothing, who is not even told what there is. @throws {AccessError} `forbidden`. */
export function demandSomebody(asking: Asking, parts: ServerParts): void {
  if (asking.get("identified").principal.kind === "anonymous") demand(asking, parts, "run");
}

/**
 * What a job says of who may do something to it; of one that is not there any more, nothing. Whoever asks has from then on the groups that
 * it names and that are theirs now.
 */
export async function rightsOf(
  asking: Asking,
  parts: ServerParts,
  name: string,
): Promise<JobRights & { readonly located: LocatedJob | undefined }> {
  const { jobs, access } = parts;
  const located = findLocated(jobs, name);
  if (located === undefined) return { name, located };
  const { rerun } = located.job;
  const owners = await jobs.ownersOf(located);
  const groups = [
    ...[...(rerun?.orgs ?? []), ...(rerun?.teams ?? [])],
    ...owners.filter((owner) => owner.includes("/")),
  ];
  const identified = asking.get("identified");
  const principal = await withCurrentGroups(
    ...([identified.principal, groups, access.settings, access.memberships, timeOf(parts)] as const),
  );
  asking.set("identified", { ...identified, principal });
  return { name, located, rerun, owners };
}

/** The job of a name, with its place. @throws {ServerError} `jobs-unknown` while nobody knows whether there is one. */
export function findLocated(jobs: ServedJobs, name: string): LocatedJob | undefined {
  const found = jobs.current().jobs.find(({ job }) => job.name === name);
  if (found !== undefined || jobs.areKnown()) return found;
  throw new ServerError("jobs-unknown", "nobody knows yet which jobs there are", {
    hint: "the server has just begun to read them, or cannot: see its log, and ask again",
  });
}

/** What was done to something, for the log. */
export interface Done {
  readonly act: string;
  readonly subject: string;
  readonly before?: Json | undefined;
  readonly after?: Json | undefined;
}

/**
 * Does something to the database and writes down who did it, in one transaction: neither is there without the other.
 * @param work What it gives is the answer, and what is written down.
 */
export function doing<Result>(
  asking: Asking,
  parts: ServerParts,
  work: (sql: Sql) => Promise<{ readonly result: Result; readonly done: Done }>,
): Promise<Result> {
  return parts.db.transaction(async (sql) => {
    const { result, done } = await work(sql);
    await appendAudit(sql, { ...done, ...whoOf(asking) }, timeOf(parts));
    return result;
  });
}

/** Who asks, and from where, for the log. */
export function whoOf(asking: Asking): Pick<AuditedAct, "who" | "from"> {
  const { kind, id, name } = asking.get("identified").principal;
  return { who: { kind, id, name }, from: { address: addressOf(asking), request: asking.get("requestId") } };
}
