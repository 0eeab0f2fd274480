import { onTestFinished } from "vitest";
import { beginSession, keepPerson, type ProviderSettings } from "../../src/access/index.ts";
import { type ChatWorld, commandOnPage } from "../../src/chatops/index.ts";
import type { Database } from "../../src/database/index.ts";
import { type ForgeKind, type ForgeProject, openForge } from "../../src/forge/index.ts";
import { parseJobs } from "../../src/jobs/index.ts";
import { openQueue } from "../../src/queue/index.ts";
import type { Review } from "../../src/review/index.ts";
import { type KeptApprovals, keepReview, notePulls, notePullTaken } from "../../src/reviews/index.ts";
import type { WorldOptions } from "../server/server-world.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment } from "../support/git.ts";
import { temporaryFolder } from "../support/tree.ts";

export const path = "org/images";

/** A forge with a repository, and people: ann who proposes, pam who owns its files, rob who reviews, eve who is nobody there. */
export interface ReviewForge {
  readonly forge: ForgeServer;
  readonly project: ForgeProject;
  readonly url: string;
  /** For {@link WorldOptions}: jobs, how people log in, and commands that are given on pages. */
  optionsFor(db: Database): WorldOptions;
  /** Opens a pull request, which is seen. @returns its number. */
  propose(db: Database, title: string): Promise<number>;
  /** Keeps a review of its newest commit. */
  judge(
    db: Database,
    number: number,
    review: (commit: string) => Review,
    more?: { readonly run?: string; readonly approvals?: KeptApprovals; readonly at?: Date },
  ): Promise<void>;
  /** The secret of a session of somebody who has logged in with the forge. */
  session(db: Database, login: string): Promise<string>;
}

export async function reviewForge(kind: ForgeKind): Promise<ReviewForge> {
  const folder = await temporaryFolder("reviews");
  const forge = await startForgeServer({ kind });
  onTestFinished(async () => {
    await forge.close();
    await folder.remove();
  });
  const token = forge.addUser("robot");
  for (const name of ["ann", "pam", "rob", "eve"]) forge.addUser(name);
  await forge.createRepository(path, { OWNERS: "approvers: [pam, ann]\nreviewers: [rob]\n" });
  for (const name of ["ann", "pam", "robot"]) forge.addWriter(path, name);
  const client = openForge({ kind, host: forge.host, token, timing: { firstBackoff: 1 } });
  const project = client.project(path);
  const url = `${forge.url}/${path}.git`;
  const provider: ProviderSettings = {
    ...{
      name: "forge",
      kind: kind === "github" ? "github" : "openid",
      issuer: forge.url,
      clientId: "waybill",
    },
    clientSecret: { variable: "SECRET" },
  };
  const jobs = `jobs:
- name: pull-review
  repo: ${url}
  pullRequest: { branch: ^main$ }
  review: { manifests: registry, requireApproval: true }
`;
  const list = parseJobs(jobs, "jobs/all.yaml").jobs.map(({ job }) => job);
  let run = 100;
  return {
    ...{ forge, project, url },
    optionsFor(db) {
      const chat: ChatWorld = {
        ...{
          db,
          queue: openQueue(db),
          mirrors: folder.path,
          environment: gitEnvironment,
          now: () => new Date(),
        },
        ...{ forgeOf: async () => client, credentialOf: async () => undefined },
      };
      return {
        ...{ jobs, access: { providers: [provider], roles: { reader: { everyone: true } } } },
        parts: {
          commandPull: (asked, audit) => commandOnPage(chat, { ...asked, project, jobs: list }, audit),
        },
      };
    },
    async propose(db, title) {
      run += 1;
      const branch = `change-${run}`;
      await forge.commit(path, branch, { "registry/images/app/images.yaml": `# ${run}\n` });
      const { number } = await openForge({ kind, host: forge.host, token: forge.world.user("ann")?.token })
        .project(path)
        .pullRequests.open({ title, body: "", base: "main", head: { repository: path, branch } });
      const pull = await project.pullRequests.read(number);
      await notePulls(db, url, [pull], new Date());
      await notePullTaken(db, url, number, { jobs: ["pull-review"], trusted: true });
      return number;
    },
    async judge(db, number, review, { run: named, approvals, at = new Date() } = {}) {
      run += 1;
      const { commit } = (await project.pullRequests.read(number)).head;
      const judged = {
        run: named ?? String(run),
        job: "pull-review",
        url,
        number,
        commit,
        review: review(commit),
      };
      await keepReview(db, { ...judged, approvals, at });
    },
    async session(db, login) {
      const subject = String(forge.world.user(login)?.id);
      const identity = { provider: "forge", issuer: forge.url, subject, login, shown: login, groups: [] };
      const person = await keepPerson(db, identity, new Date());
      return beginSession(db, { person }, new Date());
    },
  };
}
