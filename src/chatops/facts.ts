import type { Forge } from "../forge/index.ts";
import { type Job, judgePull, type RerunRights } from "../jobs/index.ts";
import type { QueuedRun } from "../queue/index.ts";
import type { PullToHeed } from "../triggers/index.ts";
import { type PullChange, readChange } from "./change.ts";
import type { Command } from "./grammar.ts";
import type { CommandFacts, PullJob } from "./model.ts";
import { standingOf, trustIn } from "./trust.ts";
import type { ChatWorld } from "./world.ts";

/** Facts about a pull request that are asked for as they are needed, and each once. */
export interface Finder {
  /** What a command is decided by. @throws {ForgeError}, {GitError} when it cannot be asked for now: then nothing is decided. */
  factsFor(command: Command, who: string): Promise<CommandFacts>;
  change(): Promise<PullChange | undefined>;
  jobs(): Promise<readonly PullJob[]>;
}

/** Runs of one pull request that are looked through. */
const maxRuns = 500;

export function openFinder(
  world: ChatWorld,
  forge: Pick<Forge, "kind" | "user" | "isMember">,
  heeded: PullToHeed,
): Finder {
  const { project, pull } = heeded;
  const change = once(() => readChange(world, heeded));
  const jobs = once(async (): Promise<readonly PullJob[]> => {
    const all = heeded.jobs.runs;
    const { runs } = await world.queue.list({ pull: pull.number, limit: maxRuns });
    const here = runs.filter(({ repo, commit }) => repo !== undefined && commit === pull.head.commit);
    const asksForPaths = all.some(
      ({ pullRequest: by }) => by?.paths !== undefined || by?.skipPaths !== undefined,
    );
    const files = asksForPaths ? (await change())?.files : undefined;
    return all.map((job) => ({
      name: job.name,
      // Where nobody can tell what was changed, that is taken for what they wait for.
      concerned:
        (asksForPaths && files === undefined) ||
        judgePull(job, pull.base.branch, files ?? []).verdict === "run",
      last: lastOf(here.filter((run) => run.job === job.name && run.repo === job.repo)),
      rerun: job.rerun,
    }));
  });
  const trust = once(() => trustIn(forge, project, pull));

  const owns = async (who: string): Promise<CommandFacts["owns"]> => {
    const found = await change();
    const name = who.toLowerCase();
    const owners = found?.owners.ownersOf(found.files) ?? [];
    if (owners.some(({ approvers }) => approvers.includes(name))) return "approves";
    return owners.some(({ reviewers }) => reviewers.includes(name)) ? "reviews" : "nothing";
  };

  return {
    change,
    jobs,
    async factsFor(command, who) {
      const facts: CommandFacts = {
        ...{ pull, who, permission: "none", isMember: false, owns: "nothing" },
        ...{ jobs: [], never: heeded.jobs.never.map(({ name }) => name), mayRerun: new Set() },
        ...{ trust: { isTrusted: false, unread: undefined }, unread: undefined },
      };
      if (pull.state !== "open" || /^(?:hold|hold-cancel|list-tests|approve-cancel)$/.test(command.name)) {
        return facts;
      }
      const standing = await standingOf(forge, project, who);
      const isInside =
        standing.isMember || standing.permission === "write" || standing.permission === "admin";
      const asked = {
        ...{ ...facts, ...standing },
        owns: command.name === "approve" || !isInside ? await owns(who) : "nothing",
      } as const;
      if (!/^(?:test|retest|rerun)$/.test(command.name)) return asked;
      const known = await jobs();
      const { names: mayRerun, unread } = await rerunnable(forge, known, who);
      return { ...asked, unread: asked.unread ?? unread, jobs: known, mayRerun, trust: await trust() };
    },
  };
}

function once<Value>(find: () => Promise<Value>): () => Promise<Value> {
  let found: Promise<Value> | undefined;
  return () => {
    found ??= find();
    return found;
  };
}

/** @param runs The newest first. */
function lastOf([newest]: readonly QueuedRun[]): PullJob["last"] {
  if (newest === undefined) return undefined;
  if (newest.state !== "ended") return "open";
  return newest.result === "SUCCESS" ? "succeeded" : "failed";
}

async function rerunnable(
  forge: Pick<Forge, "isMember">,
  jobs: readonly Pick<Job, "name" | "rerun">[],
  who: string,
): Promise<{ readonly names: ReadonlySet<string>; readonly unread: string | undefined }> {
  const asked = new Map<string, Promise<boolean | undefined>>();
  let unread: string | undefined;
  const isMember = async (group: string): Promise<boolean> => {
    const known = asked.get(group) ?? forge.isMember(who, group);
    asked.set(group, known);
    const is = await known;
    if (is === undefined) unread = `who is a member of ${group}`;
    return is === true;
  };
  const may = async ({ anyone, users = [], orgs = [], teams = [] }: RerunRights): Promise<boolean> => {
    if (anyone === true || users.some((user) => user.toLowerCase() === who.toLowerCase())) return true;
    for (const group of [...orgs, ...teams]) if (await isMember(group)) return true;
    return false;
  };
  const found = new Set<string>();
  for (const { name, rerun } of jobs) if (rerun !== undefined && (await may(rerun))) found.add(name);
  return { names: found, unread };
}
