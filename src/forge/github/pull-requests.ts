import * as z from "zod/mini";
import type { ForgeClient } from "../client.ts";
import { ForgeError } from "../errors.ts";
import { openOrFind } from "../existing.ts";
import type { Proposal, PullRequest, PullRequests } from "../forge.ts";
import { ownerAndName } from "../remote.ts";
import { type KnownReviewers, type Reviewers, requestReviewsOf } from "../review-requests.ts";
import { changedTitle, isDraft, sentTitle, withoutMark } from "../title.ts";
import type { GitHubKind } from "./forge.ts";
import { graphql } from "./graphql.ts";

const userSchema = z.object({ login: z.string() });

const pullSchema = z.object({
  number: z.number(),
  html_url: z.string(),
  title: z.string(),
  body: z.nullish(z.string()),
  state: z.enum(["open", "closed"]),
  // GitHub says when, Gitea whether.
  merged_at: z.nullish(z.string()),
  merged: z.optional(z.boolean()),
  merge_commit_sha: z.nullish(z.string()),
  draft: z.optional(z.boolean()),
  user: z.nullish(userSchema),
  labels: z.nullish(z.array(z.object({ name: z.string() }))),
  head: z.object({
    ref: z.string(),
    sha: z.string(),
    // Absent once the fork has been deleted.
    repo: z.nullish(z.object({ full_name: z.string() })),
  }),
  base: z.object({ ref: z.string(), sha: z.nullish(z.string()) }),
  updated_at: z.string(),
  // Of a single one, once GitHub has tried it; Gitea says it of drafts as well.
  mergeable: z.nullish(z.boolean()),
  // GitHub's, and Gitea's.
  locked: z.nullish(z.boolean()),
  is_locked: z.nullish(z.boolean()),
});

const requestedSchema = z.object({
  requested_reviewers: z.nullish(z.array(userSchema)),
  // GitHub's, and Gitea's.
  requested_teams: z.nullish(z.array(z.object({ slug: z.string() }))),
  requested_reviewers_teams: z.nullish(z.array(z.object({ name: z.string() }))),
});

const givenSchema = z.object({ user: z.nullish(userSchema), state: z.nullish(z.string()) });
const nodeSchema = z.object({ node_id: z.string(), draft: z.optional(z.boolean()) });

type Pull = z.infer<typeof pullSchema>;

const pulls = "/repos/{owner}/{repo}/pulls";
const onePull = `${pulls}/{number}`;

/** https://docs.github.com/rest/pulls/pulls */
export function openPullRequests(
  client: ForgeClient,
  kind: GitHubKind,
  api: string,
  path: string,
): PullRequests {
  const isHere = (other: string): boolean => other.toLowerCase() === path.toLowerCase();
  const at = (number: number) => ({ ...ownerAndName(path), number });
  const read = async (number: number): Promise<Pull> => client.ask(`GET ${onePull}`, at(number), pullSchema);
  const shown = (pull: Pull): PullRequest => pullRequestOf(kind, pull);

  const find = async (head: Proposal["head"], base: string): Promise<PullRequest | undefined> => {
    const { owner } = ownerAndName(head.repository);
    // Older versions of Gitea cannot tell branches apart in their search when they have a slash in them.
    const narrowed = kind === "github" ? { head: `${owner}:${head.branch}`, base } : {};
    const all = await client.list(
      `GET ${pulls}`,
      { ...ownerAndName(path), state: "open", ...narrowed },
      pullSchema,
    );
    // An owner may have several forks, and the branch in each of them.
    const found = all.find(
      (pull) =>
        pull.head.ref === head.branch &&
        pull.base.ref === base &&
        pull.head.repo?.full_name.toLowerCase() === head.repository.toLowerCase(),
    );
    return found && shown(found);
  };

  const open = async ({ title, body, head, base, draft = false }: Proposal): Promise<PullRequest> => {
    const here = ownerAndName(path);
    const from = ownerAndName(head.repository);
    const isOfSameOwner = from.owner.toLowerCase() === here.owner.toLowerCase() && !isHere(head.repository);
    const ofGitHub = {
      draft,
      // Within one organization the owner does not tell which repository is meant.
      head_repo: isOfSameOwner ? from.repo : undefined,
    };
    const asked = {
      ...{ title: sentTitle(kind, title, draft), body, base },
      head: isHere(head.repository) ? head.branch : `${from.owner}:${head.branch}`,
      ...(kind === "github" ? ofGitHub : {}),
    };
    return shown(await client.ask(`POST ${pulls}`, { ...here, ...asked }, pullSchema));
  };

  /** What GitHub alone keeps beside the title, and lets the other API change alone. */
  const setDraft = async (number: number, draft: boolean): Promise<void> => {
    const pull = await client.ask(`GET ${onePull}`, at(number), nodeSchema);
    if ((pull.draft ?? false) === draft) return;
    const mutation = draft ? "convertPullRequestToDraft" : "markPullRequestReadyForReview";
    const query = `mutation($id: ID!) { ${mutation}(input: { pullRequestId: $id }) { pullRequest { isDraft } } }`;
    await graphql(client, api, query, { id: pull.node_id });
  };

  const knownReviewers = async (number: number): Promise<KnownReviewers> => {
    const asked = await client.ask(`GET ${onePull}`, at(number), requestedSchema);
    const reviews = await client.list(`GET ${onePull}/reviews`, at(number), givenSchema);
    return {
      users: (asked.requested_reviewers ?? []).map(({ login }) => login),
      teams: [
        ...(asked.requested_teams ?? []).map(({ slug }) => slug),
        ...(asked.requested_reviewers_teams ?? []).map(({ name }) => name),
      ],
      // Of Gitea, a request stands in this list, too.
      reviewed: reviews.flatMap(({ user, state }) =>
        user && state !== "REQUEST_REVIEW" ? [user.login] : [],
      ),
    };
  };

  /** Gitea leaves teams out without a word where the owner is a user, so that somebody has to look. */
  const request = async (number: number, asked: Reviewers): Promise<void> => {
    const answer = z.unknown();
    const before = await client.ask(
      `POST ${onePull}/requested_reviewers`,
      { ...at(number), ...asked },
      answer,
    );
    const teams = asked.team_reviewers;
    if (kind === "github" || teams.length === 0) return;
    const { requested_reviewers_teams: requested } = await client.ask(
      `GET ${onePull}`,
      at(number),
      requestedSchema,
    );
    // Versions before 1.22 do not tell; of them it is enough that somebody was asked.
    const known = requested?.map(({ name }) => name.toLowerCase());
    const missing = teams.filter((team) => known?.includes(team.toLowerCase()) === false);
    const isNobody = !Array.isArray(before) || before.length === 0;
    if (missing.length > 0 || (known === undefined && isNobody)) {
      throw new ForgeError("refused", `there is no team ${missing.join(", ")} here`);
    }
  };

  return {
    find,
    async listOpen(etag) {
      const asked = { ...ownerAndName(path), state: "open" };
      const listed = await client.listUnless(`GET ${pulls}`, asked, pullSchema, etag);
      return listed === "unchanged" ? listed : { pulls: listed.items.map(shown), etag: listed.etag };
    },
    async read(number) {
      return shown(await read(number));
    },
    open: (proposal) => openOrFind(open, find, proposal),
    async update(number, { title, body, draft, labels: names }) {
      const change = { title: await changedTitle(kind, { title, draft }, () => read(number)), body };
      if (change.title !== undefined || body !== undefined) {
        await client.send(`PATCH ${onePull}`, { ...at(number), ...change });
      }
      if (names !== undefined) {
        const labels = kind === "github" ? names : await numbersOfLabels(client, path, names);
        await client.send("PUT /repos/{owner}/{repo}/issues/{number}/labels", { ...at(number), labels });
      }
      if (kind === "github" && draft !== undefined) await setDraft(number, draft);
      return shown(await read(number));
    },
    requestReviews: (number, reviewers) =>
      requestReviewsOf(
        reviewers,
        () => knownReviewers(number),
        (asked) => request(number, asked),
      ),
  };
}

function pullRequestOf(kind: GitHubKind, pull: Pull): PullRequest {
  const merged = pull.merged === true || typeof pull.merged_at === "string";
  return {
    number: pull.number,
    url: pull.html_url,
    title: withoutMark(kind, pull.title),
    body: pull.body ?? "",
    state: merged ? "merged" : pull.state,
    draft: isDraft(kind, pull),
    author: pull.user?.login ?? "ghost",
    labels: (pull.labels ?? []).map(({ name }) => name),
    head: { repository: pull.head.repo?.full_name ?? "", branch: pull.head.ref, commit: pull.head.sha },
    base: { branch: pull.base.ref, commit: pull.base.sha || undefined },
    // Of an open one it is the commit of a merge on trial.
    mergeCommit: (merged && pull.merge_commit_sha) || undefined,
    hasConflicts: kind === "github" && typeof pull.mergeable === "boolean" ? !pull.mergeable : undefined,
    isLocked: pull.locked ?? pull.is_locked ?? undefined,
    updatedAt: pull.updated_at,
  };
}

const labelSchema = z.object({ id: z.number(), name: z.string() });

type Label = z.infer<typeof labelSchema>;

/** A light grey: what GitHub gives to labels that nobody has chosen a color for. */
const color = "#ededed";

/**
 * The numbers of labels, by which Gitea knows them: of the repository, or of the organization that it belongs to. Makes such as do not
 * exist.
 */
async function numbersOfLabels(
  client: ForgeClient,
  path: string,
  names: readonly string[],
): Promise<readonly number[]> {
  const { owner, repo } = ownerAndName(path);
  const ids = new Map<string, number>();
  const note = (labels: readonly Label[]): void => {
    for (const { id, name } of labels) if (!ids.has(name)) ids.set(name, id);
  };
  const isMissing = (name: string): boolean => !ids.has(name);
  if (names.length > 0)
    note(await client.list("GET /repos/{owner}/{repo}/labels", { owner, repo }, labelSchema));
  if (names.some(isMissing)) note(await ofOrganization(client, owner));
  for (const name of new Set(names.filter(isMissing))) {
    note([await client.ask("POST /repos/{owner}/{repo}/labels", { owner, repo, name, color }, labelSchema)]);
  }
  return [...new Set(names)].flatMap((name) => ids.get(name) ?? []);
}

async function ofOrganization(client: ForgeClient, org: string): Promise<readonly Label[]> {
  try {
    return await client.list("GET /orgs/{org}/labels", { org }, labelSchema);
  } catch (error) {
    // The owner is a user, or the token may not see what organizations have.
    if (error instanceof ForgeError && (error.code === "not-found" || error.code === "forbidden")) return [];
    throw error;
  }
}
