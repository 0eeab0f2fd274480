import {
  type AccessSettings,
  isAtLeast,
  lesserRole,
  type Principal,
  type RerunRule,
  type Role,
} from "./model.ts";

/**
 * What is done to a run, a job or the server.
 * - `read`: see runs, jobs, logs and the queue.
 * - `run`: start, repeat or abort a run, or hold it.
 * - `release`: let go what is held.
 * - `manage`: tokens of others, the audit log.
 */
export type ServedAct = "read" | "run" | "release" | "manage";

const needed: Readonly<Record<ServedAct, Role>> = {
  read: "reader",
  run: "runner",
  release: "releaser",
  manage: "admin",
};

/** The job that something is done to, as far as it says who may. */
export interface JobRights {
  readonly name: string;
  readonly rerun?: RerunRule | undefined;
  /** Those who may approve its file: logins, and teams as `org/team`. */
  readonly owners?: readonly string[] | undefined;
}

/** Whether somebody may do something, and by what; or why not, as a sentence. */
export type Leave =
  | { readonly isGiven: true; readonly by: string }
  | {
      readonly isGiven: false;
      readonly reason: string;
      /** It hangs on memberships that nobody could read. */
      readonly isUnread?: boolean | undefined;
    };

/** Decides whether somebody may do something, to a job where it is one. Asks nobody. */
export function mayDo(
  principal: Principal,
  act: ServedAct,
  job: JobRights | undefined,
  settings: AccessSettings,
): Leave {
  const leave = decide(principal, act, job, settings);
  const { unread = [], names, most, name } = principal;
  if (leave.isGiven || unread.length === 0) return leave;
  const groups = [...principal.groups, ...unread];
  const role = lesserRole(grantedRole({ names, groups }, settings.roles), most);
  if (!decide({ ...principal, role, groups }, act, job, settings).isGiven) return leave;
  const reason = `whether ${name} is a member of ${unread.join(", ")} cannot be read now`;
  return { isGiven: false, reason, isUnread: true };
}

function decide(
  { role, most, jobs, names, groups, kind, name }: Principal,
  act: ServedAct,
  job: JobRights | undefined,
  settings: AccessSettings,
): Leave {
  const least = needed[act];
  if (act !== "read" && jobs !== undefined && (job === undefined || !jobs.includes(job.name))) {
    return refused(`${name} is limited to ${jobs.length === 0 ? "no job at all" : jobs.join(", ")}`);
  }
  if (isAtLeast(role, least)) return given(`role ${role}`);
  if (act === "read" && settings.anonymousReading) return given("anonymous reading");
  if (kind === "anonymous") return refused("nobody is logged in, and no token was sent");
  // A scope limits what a job gives as well.
  if (job !== undefined && isAtLeast(most, least)) {
    const isOwner = isAtLeast(settings.owners, least) && (job.owners ?? []).some(isNamed(names, groups));
    if (isOwner) return given("OWNERS of the job");
    if (act === "run" && isAllowedBy(job.rerun, names, groups)) return given("rerun of the job");
  }
  const has = role === undefined ? "no role" : `the role ${role}`;
  return refused(`${name} has ${has}, and this needs ${least}`);
}

function isAllowedBy(
  rule: RerunRule | undefined,
  names: readonly string[],
  groups: readonly string[],
): boolean {
  const { anyone = false, users = [], orgs = [], teams = [] } = rule ?? {};
  const isIn = (own: readonly string[]) => (name: string) => own.includes(name.toLowerCase());
  // A machine's token that no person made has no name, and is not anyone.
  if (anyone && names.length > 0) return true;
  return users.some(isIn(names)) || [...orgs, ...teams].some(isIn(groups));
}

function isNamed(names: readonly string[], groups: readonly string[]): (owner: string) => boolean {
  return (owner) => (owner.includes("/") ? groups : names).includes(owner.toLowerCase());
}

function given(by: string): Leave {
  return { isGiven: true, by };
}

function refused(reason: string): Leave {
  return { isGiven: false, reason };
}

/** The greatest role that the settings give to somebody of these names and groups. */
export function grantedRole(
  { names, groups }: Pick<Principal, "names" | "groups">,
  grants: AccessSettings["roles"],
): Role | undefined {
  const isIn = (own: readonly string[]) => (name: string) => own.includes(name.toLowerCase());
  const has = (role: Role): boolean => {
    const { everyone = false, users = [], groups: wanted = [] } = grants[role] ?? {};
    return everyone || users.some(isIn(names)) || wanted.some(isIn(groups));
  };
  return (["admin", "releaser", "runner", "reader"] as const).find(has);
}
