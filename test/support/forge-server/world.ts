import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { branchCommit, createBare, fetchHead, forkBare, mergeInto } from "./bare.ts";
import type { ForgeLabel, ForgePull, ForgeRepo, ForgeReview, ForgeStatus, ForgeUser } from "./model.ts";

/** Why something that was asked for is not done; each API has its own words for it. */
export class WorldError extends Error {
  readonly reason: "exists" | "no-branch" | "no-changes" | "not-mergeable";
  readonly pull: ForgePull | undefined;

  constructor(reason: WorldError["reason"], message: string, pull?: ForgePull) {
    super(message);
    this.reason = reason;
    this.pull = pull;
  }
}

export interface NewPull {
  readonly base: ForgePull["base"];
  readonly head: ForgePull["head"];
  readonly title: string;
  readonly body: string;
  readonly draft: boolean;
  readonly author: ForgeUser;
}

/** All that a forge knows, whichever API it is asked by. */
export interface World {
  readonly users: readonly ForgeUser[];
  readonly repositories: readonly ForgeRepo[];
  /** Members by `organization/team`. */
  readonly teams: ReadonlyMap<string, readonly string[]>;
  /** Labels that all repositories of an owner have; Gitea alone shows them. */
  readonly organizationLabels: ReadonlyMap<string, readonly ForgeLabel[]>;
  addUser(name: string, rights: ForgeUser["rights"]): ForgeUser;
  /** Somebody as a token of an app is: it comes and goes. */
  putUser(user: ForgeUser): void;
  removeUser(user: ForgeUser): void;
  /** Whose token it is; an app's own where it has signed it. */
  userOfToken(token: string | undefined): ForgeUser | undefined;
  /** Who vouches for tokens that nobody was given. */
  signers: ((token: string) => ForgeUser | undefined)[];
  addTeam(name: string, members: readonly string[]): void;
  addOrganizationLabel(owner: string, name: string): ForgeLabel;
  user(name: string): ForgeUser | undefined;
  /** A repository, unless it is private and not theirs. */
  repository(path: string, user: ForgeUser | undefined): ForgeRepo | undefined;
  mayWrite(repository: ForgeRepo, user: ForgeUser | undefined): boolean;
  /** Whether a user is a member of a team, or of one of an organization's. */
  isMember(group: string, name: string): boolean;
  createRepository(
    path: string,
    files: Readonly<Record<string, string>>,
    isPrivate: boolean,
  ): Promise<ForgeRepo>;
  fork(of: ForgeRepo, path: string): Promise<ForgeRepo>;
  label(repository: ForgeRepo, name: string, color?: string): ForgeLabel;
  /** The newest commit of a pull request, as Git has it now. */
  headOf(pull: ForgePull): Promise<string>;
  /** @throws {WorldError} */
  openPull(proposal: NewPull): Promise<ForgePull>;
  /** @throws {WorldError} `not-mergeable`, with what keeps it. */
  merge(pull: ForgePull): Promise<string>;
  review(pull: ForgePull, user: ForgeUser, state: ForgeReview["state"]): Promise<ForgeReview>;
  comment(pull: ForgePull, user: ForgeUser, body: string): ForgePull["comments"][number];
  setStatus(repository: ForgeRepo, status: Omit<ForgeStatus, "id" | "at">): ForgeStatus;
  /** The newest of each context, newest first. */
  statusesOf(repository: ForgeRepo, commit: string): readonly ForgeStatus[];
}

/** A new, empty one, whose bare repositories are in a folder. */
export function createWorld(folder: string): World {
  const users: ForgeUser[] = [];
  const repositories: ForgeRepo[] = [];
  const teams = new Map<string, readonly string[]>();
  const organizationLabels = new Map<string, readonly ForgeLabel[]>();
  let last = 100;
  const nextId = (): number => {
    last += 1;
    return last;
  };
  const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, "Z");

  const mayWrite: World["mayWrite"] = (repository, user) =>
    user !== undefined &&
    (user.repositories?.includes(repository.path) ?? true) &&
    (repository.path.split("/")[0] === user.name || repository.writers.has(user.name));

  const place = (path: string, extra: Pick<ForgeRepo, "forkOf" | "isPrivate">): ForgeRepo => {
    const repository: ForgeRepo = {
      ...{ id: nextId(), path, folder: join(folder, `${path}.git`), defaultBranch: "main", ...extra },
      ...{ writers: new Set(), labels: [], pulls: [], statuses: [], hooks: [] },
      protection: { requiredStatuses: [], requiredApprovals: 0, blockingLabels: [] },
    };
    repositories.push(repository);
    return repository;
  };

  const world: World = {
    ...{ users, repositories, teams, organizationLabels, mayWrite },
    addUser(name, rights) {
      const user = { id: nextId(), name, token: `secret-${name}-${randomBytes(12).toString("hex")}`, rights };
      users.push(user);
      return user;
    },
    putUser: (user) => void users.push(user),
    removeUser: (user) => void users.splice(users.indexOf(user), 1),
    signers: [],
    userOfToken(token) {
      if (token === undefined) return undefined;
      const known = users.find((user) => user.token === token);
      if (known !== undefined) return known;
      for (const signerOf of world.signers) {
        const signer = signerOf(token);
        if (signer !== undefined) return signer;
      }
      return undefined;
    },
    addTeam: (name, members) => void teams.set(name, members),
    isMember: (group, name) =>
      [...teams].some(
        ([team, members]) => (team === group || team.startsWith(`${group}/`)) && members.includes(name),
      ),
    addOrganizationLabel(owner, name) {
      const label = { id: nextId(), name, color: "ededed" };
      organizationLabels.set(owner, [...(organizationLabels.get(owner) ?? []), label]);
      return label;
    },
    user: (name) => users.find((user) => user.name.toLowerCase() === name.toLowerCase()),
    repository(path, user) {
      const found = repositories.find((one) => one.path.toLowerCase() === path.toLowerCase());
      return found === undefined || (found.isPrivate && !mayWrite(found, user)) ? undefined : found;
    },
    async createRepository(path, files, isPrivate) {
      const repository = place(path, { forkOf: undefined, isPrivate });
      await createBare(repository.folder, repository.defaultBranch, files);
      return repository;
    },
    async fork(of, path) {
      const repository = place(path, { forkOf: of, isPrivate: of.isPrivate });
      await forkBare(of.folder, repository.folder);
      return repository;
    },
    label(repository, name, color = "ededed") {
      const known = repository.labels.find((label) => label.name.toLowerCase() === name.toLowerCase());
      if (known !== undefined) return known;
      const label = { id: nextId(), name, color };
      repository.labels.push(label);
      return label;
    },
    async headOf(pull) {
      if (pull.state === "open") {
        pull.headCommit =
          (await branchCommit(pull.head.repository.folder, pull.head.branch)) ?? pull.headCommit;
        if (pull.versions.at(-1)?.commit !== pull.headCommit) {
          pull.versions.push({ commit: pull.headCommit, at: now() });
          pull.updatedAt = now();
          const { base, head, number } = pull;
          const ref = `refs/pull/${number}/head`;
          await fetchHead(base.repository.folder, head.repository.folder, head.branch, ref);
        }
      }
      return pull.headCommit;
    },
    async openPull({ base, head, title, body, draft, author }) {
      const from = await branchCommit(head.repository.folder, head.branch);
      const to = await branchCommit(base.repository.folder, base.branch);
      if (from === undefined) throw new WorldError("no-branch", "head");
      if (to === undefined) throw new WorldError("no-branch", "base");
      if (from === to) throw new WorldError("no-changes", "nothing to merge");
      // From here on without waiting, so that of two who come together one is second.
      const same = base.repository.pulls.find(
        (pull) =>
          pull.state === "open" &&
          pull.head.repository === head.repository &&
          pull.head.branch === head.branch &&
          pull.base.branch === base.branch,
      );
      if (same !== undefined) throw new WorldError("exists", "there is one", same);
      const number = base.repository.pulls.length + 1;
      const at = now();
      const pull: ForgePull = {
        ...{ id: nextId(), number, base, head, headCommit: from, title, body, draft, author, state: "open" },
        ...{
          versions: [{ commit: from, at }],
          labels: [],
          reviewers: [],
          teams: [],
          reviews: [],
          comments: [],
        },
        ...{ mergeCommit: undefined, mergedAt: undefined, createdAt: at, updatedAt: at },
      };
      base.repository.pulls.push(pull);
      const ref = `refs/pull/${number}/head`;
      await fetchHead(base.repository.folder, head.repository.folder, head.branch, ref);
      return pull;
    },
    async merge(pull) {
      const { repository, branch } = pull.base;
      const refuse = (why: string) => new WorldError("not-mergeable", why, pull);
      if (pull.state !== "open") throw refuse(`it is ${pull.state}`);
      if (pull.draft) throw refuse("it is a draft");
      const head = await world.headOf(pull);
      const { requiredStatuses, requiredApprovals, blockingLabels } = repository.protection;
      const statuses = world.statusesOf(repository, head);
      const missing = requiredStatuses.find(
        (context) => statuses.find((status) => status.context === context)?.state !== "success",
      );
      if (missing !== undefined) throw refuse(`the status ${missing} is not success`);
      const label = pull.labels.find((name) => blockingLabels.includes(name));
      if (label !== undefined) throw refuse(`the label ${label} holds it`);
      const approvals = new Set(
        pull.reviews.filter(({ state }) => state === "approved").map(({ user }) => user.name),
      );
      if (approvals.size < requiredApprovals) throw refuse("it has not enough approvals");
      await fetchHead(
        repository.folder,
        pull.head.repository.folder,
        pull.head.branch,
        `refs/pull/${pull.number}/head`,
      );
      const message = `Merge pull request #${pull.number} from ${pull.head.branch}`;
      const merged = await mergeInto(repository.folder, branch, head, message);
      if (merged === undefined) throw refuse("it is in conflict with its base");
      pull.state = "merged";
      pull.mergeCommit = merged;
      pull.mergedAt = now();
      return merged;
    },
    async review(pull, user, state) {
      const review = { id: nextId(), user, state, commit: await world.headOf(pull), at: now() };
      pull.reviews.push(review);
      pull.updatedAt = now();
      return review;
    },
    comment(pull, user, body) {
      const comment = { id: nextId(), user, body, at: now() };
      pull.comments.push(comment);
      pull.updatedAt = now();
      return comment;
    },
    setStatus(repository, status) {
      const added = { id: nextId(), ...status, at: now() };
      repository.statuses.push(added);
      return added;
    },
    statusesOf(repository, commit) {
      const newest = new Map<string, ForgeStatus>();
      for (const status of repository.statuses)
        if (status.commit === commit) newest.set(status.context, status);
      return [...newest.values()].reverse();
    },
  };
  return world;
}
