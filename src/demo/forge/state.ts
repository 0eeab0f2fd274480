import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type BareRepository, createBare, gitEnvironment } from "./git.ts";

/** Somebody who has an account, and may write everywhere. */
export interface ForgePerson {
  readonly id: number;
  readonly name: string;
  readonly token: string;
}

export interface ForgeRemark {
  readonly id: number;
  readonly by: ForgePerson;
  body: string;
  readonly at: string;
  editedAt: string;
}

export interface ForgeStatus {
  readonly id: number;
  readonly commit: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly url: string;
  readonly at: string;
}

export interface ForgeProposal {
  readonly id: number;
  readonly number: number;
  readonly base: string;
  readonly head: string;
  headCommit: string;
  title: string;
  body: string;
  readonly by: ForgePerson;
  state: "open" | "merged" | "closed";
  labels: readonly string[];
  readonly remarks: ForgeRemark[];
  mergeCommit: string | undefined;
  readonly at: string;
  updatedAt: string;
}

export interface ForgedRepository {
  readonly id: number;
  /** `owner/name`. */
  readonly path: string;
  readonly git: BareRepository;
  readonly labels: { readonly id: number; readonly name: string; readonly color: string }[];
  readonly proposals: ForgeProposal[];
  readonly statuses: ForgeStatus[];
  /** Contexts of which each has to be a success before a proposal is merged. */
  required: readonly string[];
}

/** What has come to be at the forge, in the words of Gitea's webhooks. */
export type ForgeHappening =
  | {
      readonly event: "push";
      readonly repository: ForgedRepository;
      readonly ref: string;
      readonly commit: string;
    }
  | { readonly event: "pull_request"; readonly repository: ForgedRepository; readonly number: number }
  | {
      readonly event: "issue_comment";
      readonly repository: ForgedRepository;
      readonly number: number;
      readonly remark: number;
    };

/** All that the forge knows. What changes is told, and what may be merged by then is merged. */
export interface ForgeState {
  readonly people: readonly ForgePerson[];
  readonly repositories: readonly ForgedRepository[];
  addPerson(name: string): ForgePerson;
  create(path: string, files: ReadonlyMap<string, string | Buffer>): Promise<ForgedRepository>;
  label(repository: ForgedRepository, name: string): ForgedRepository["labels"][number];
  propose(
    repository: ForgedRepository,
    proposed: Pick<ForgeProposal, "base" | "head" | "title" | "body" | "by">,
  ): Promise<ForgeProposal | undefined>;
  remark(repository: ForgedRepository, proposal: ForgeProposal, by: ForgePerson, body: string): ForgeRemark;
  setStatus(repository: ForgedRepository, status: Omit<ForgeStatus, "id" | "at">): ForgeStatus;
  /** The newest of each context. */
  statusesOf(repository: ForgedRepository, commit: string): readonly ForgeStatus[];
  /** Something of a proposal is another than before. */
  changed(repository: ForgedRepository, proposal: ForgeProposal): Promise<void>;
  /** What a push has changed. @param before What refs stood at. */
  pushed(repository: ForgedRepository, before: ReadonlyMap<string, string>): Promise<void>;
}

/** The mark of those that are no more than a draft, as Gitea knows it. */
export const draftMark = /^\s*(?:wip:|\[wip\]|draft:)\s*/i;
/** What holds a proposal. */
export const holdLabel = "do-not-merge/hold";

export function createForgeState(folder: string, tell: (happening: ForgeHappening) => void): ForgeState {
  const people: ForgePerson[] = [];
  const repositories: ForgedRepository[] = [];
  const environment = gitEnvironment(folder, "forge");
  let last = 0;
  const nextId = (): number => ++last;
  const now = (): string => new Date().toISOString();

  /** As a robot of a forge does it: what is let, is merged. */
  const mergeIfLet = async (repository: ForgedRepository, proposal: ForgeProposal): Promise<void> => {
    const { state, title, labels, headCommit, base, number } = proposal;
    if (state !== "open" || draftMark.test(title) || labels.includes(holdLabel)) return;
    const statuses = forge.statusesOf(repository, headCommit);
    const isGood = (context: string) =>
      statuses.some((one) => one.context === context && one.state === "success");
    if (repository.required.length === 0 || !repository.required.every(isGood)) return;
    proposal.state = "merged";
    const message = `Merge pull request #${number} from ${proposal.head}`;
    const merged = await repository.git.merge(base, headCommit, message);
    if (merged === undefined) {
      proposal.state = "open";
      return;
    }
    proposal.mergeCommit = merged;
    proposal.updatedAt = now();
    tell({ event: "pull_request", repository, number });
    tell({ event: "push", repository, ref: `refs/heads/${base}`, commit: merged });
  };

  const forge: ForgeState = {
    ...{ people, repositories },
    addPerson(name) {
      const person = { id: nextId(), name, token: randomBytes(20).toString("hex") };
      people.push(person);
      return person;
    },
    async create(path, files) {
      const git = await createBare(join(folder, `${path}.git`), files, environment);
      const repository = {
        ...{ id: nextId(), path, git, labels: [], proposals: [], statuses: [], required: [] },
      };
      repositories.push(repository);
      return repository;
    },
    label(repository, name) {
      const known = repository.labels.find((label) => label.name === name);
      if (known !== undefined) return known;
      const label = { id: nextId(), name, color: "ededed" };
      repository.labels.push(label);
      return label;
    },
    async propose(repository, proposed) {
      const headCommit = await repository.git.tip(proposed.head);
      if (headCommit === undefined) return undefined;
      const number = repository.proposals.length + 1;
      const at = now();
      const proposal: ForgeProposal = {
        ...{ ...proposed, id: nextId(), number, headCommit, state: "open", labels: [], remarks: [] },
        ...{ mergeCommit: undefined, at, updatedAt: at },
      };
      repository.proposals.push(proposal);
      await repository.git.setRef(`refs/pull/${number}/head`, headCommit);
      tell({ event: "pull_request", repository, number });
      return proposal;
    },
    remark(repository, proposal, by, body) {
      const at = now();
      const remark = { id: nextId(), by, body, at, editedAt: at };
      proposal.remarks.push(remark);
      proposal.updatedAt = at;
      tell({ event: "issue_comment", repository, number: proposal.number, remark: remark.id });
      return remark;
    },
    setStatus(repository, given) {
      const status = { ...given, id: nextId(), at: now() };
      repository.statuses.push(status);
      return status;
    },
    statusesOf(repository, commit) {
      const newest = new Map<string, ForgeStatus>();
      for (const status of repository.statuses) {
        if (status.commit === commit) newest.set(status.context, status);
      }
      return [...newest.values()];
    },
    async changed(repository, proposal) {
      proposal.updatedAt = now();
      tell({ event: "pull_request", repository, number: proposal.number });
      await mergeIfLet(repository, proposal);
    },
    async pushed(repository, before) {
      const after = await repository.git.refs();
      for (const [ref, commit] of after) {
        if (before.get(ref) === commit || ref.startsWith("refs/pull/")) continue;
        tell({ event: "push", repository, ref, commit });
        const proposal = repository.proposals.find(
          ({ head, state }) => state === "open" && `refs/heads/${head}` === ref,
        );
        if (proposal === undefined) continue;
        proposal.headCommit = commit;
        await repository.git.setRef(`refs/pull/${proposal.number}/head`, commit);
        await forge.changed(repository, proposal);
      }
    },
  };
  return forge;
}
