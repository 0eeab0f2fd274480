import { branchCommit } from "./bare.ts";
import {
  type Call,
  type Dialect,
  pageOf,
  Refusal,
  type Reply,
  type Route,
  textIn,
  textsIn,
} from "./dialect.ts";
import type { ForgeComment, ForgePull, ForgeRepo, ForgeReview, ForgeUser } from "./model.ts";
import type { GitHubComment, GitHubPull, GitHubRepository, GitHubReview, GitHubStatus } from "./shapes.ts";
import { type World, WorldError } from "./world.ts";

const documentation = "https://docs.github.com/rest";

function failure(status: number, message: string, extra: object = {}): Reply {
  return {
    status,
    body: { message, ...extra, documentation_url: documentation, status: String(status) },
  };
}

/** What a GitHub Enterprise Server answers, as far as a forge is asked. */
export function githubDialect(world: World): Dialect {
  const notFound = (): Reply => failure(404, "Not Found");

  const repositoryOf = (call: Call): ForgeRepo => {
    const found = world.repository(`${call.params.owner}/${call.params.repo}`, call.user);
    if (found === undefined) throw new Refusal(notFound());
    return found;
  };

  const pullOf = (call: Call): ForgePull => {
    const found = repositoryOf(call).pulls.find(({ number }) => String(number) === call.params.number);
    if (found === undefined) throw new Refusal(notFound());
    return found;
  };

  const userOf = (call: Call): ForgeUser => {
    if (call.user === undefined) throw new Refusal(failure(401, "Requires authentication"));
    return call.user;
  };

  const mustWrite = (call: Call, repository: ForgeRepo): void => {
    if (!world.mayWrite(repository, call.user)) {
      throw new Refusal(failure(403, "Must have admin rights to Repository."));
    }
  };

  const shownPull = async (call: Call, pull: ForgePull) => {
    const side = (repository: ForgeRepo, branch: string, sha: string) => ({
      label: `${ownerOf(repository)}:${branch}`,
      ref: branch,
      sha,
      user: shownUser(call, ownerOf(repository)),
      repo: shownRepository(world, call, repository),
    });
    const proposed = await world.headOf(pull);
    const base = (await branchCommit(pull.base.repository.folder, pull.base.branch)) ?? "";
    return {
      id: pull.id,
      node_id: `PR_${pull.id}`,
      number: pull.number,
      url: `${call.origin}/api/v3/repos/${pull.base.repository.path}/pulls/${pull.number}`,
      html_url: `${call.origin}/${pull.base.repository.path}/pull/${pull.number}`,
      state: pull.state === "open" ? "open" : "closed",
      locked: false,
      title: pull.title,
      body: pull.body === "" ? null : pull.body,
      user: shownUser(call, pull.author.name),
      draft: pull.draft,
      labels: pull.labels.map((name) => ({ ...world.label(pull.base.repository, name), default: false })),
      requested_reviewers: pull.reviewers.map(({ name }) => shownUser(call, name)),
      requested_teams: pull.teams.map((slug) => ({ slug, name: slug })),
      created_at: pull.createdAt,
      updated_at: pull.updatedAt,
      closed_at: pull.mergedAt ?? null,
      merged_at: pull.mergedAt ?? null,
      // Of an open one it is a merge on trial.
      merge_commit_sha: pull.mergeCommit ?? "0123456789abcdef0123456789abcdef01234567",
      head: side(pull.head.repository, pull.head.branch, proposed),
      base: side(pull.base.repository, pull.base.branch, base),
    } satisfies GitHubPull;
  };

  const list = async (call: Call): Promise<Reply> => {
    const { query } = call;
    const state = query.get("state") ?? "open";
    const found = repositoryOf(call).pulls.filter(({ head, base, state: is }) => {
      const label = `${ownerOf(head.repository)}:${head.branch}`;
      return (
        (state === "all" || (is === "open" ? "open" : "closed") === state) &&
        // Without an owner the parameter is no filter.
        (!query.get("head")?.includes(":") || query.get("head") === label) &&
        (!query.has("base") || query.get("base") === base.branch)
      );
    });
    const { items, headers } = pageOf(call, [...found].reverse(), "per_page");
    return { status: 200, body: await Promise.all(items.map((pull) => shownPull(call, pull))), headers };
  };

  const headOf = (call: Call, base: ForgeRepo): ForgePull["head"] | undefined => {
    const [owner = "", branch] = (textIn(call, "head") ?? "").split(/:(.*)/s);
    if (branch === undefined) return { repository: base, branch: owner };
    const name = textIn(call, "head_repo");
    const family = world.repositories.filter(
      (one) => one === base || one.forkOf === base || base.forkOf === one,
    );
    const theirs = family.filter((one) => ownerOf(one) === owner);
    const repository = theirs.find((one) => name === undefined || one.path === `${owner}/${name}`);
    return repository === undefined ? undefined : { repository, branch };
  };

  const open = async (call: Call): Promise<Reply> => {
    const repository = repositoryOf(call);
    const invalid = (error: object) => new Refusal(failure(422, "Validation Failed", { errors: [error] }));
    const head = headOf(call, repository);
    if (head === undefined) throw invalid({ resource: "PullRequest", field: "head", code: "invalid" });
    try {
      const pull = await world.openPull({
        base: { repository, branch: textIn(call, "base") ?? "" },
        head,
        title: textIn(call, "title") ?? "",
        body: textIn(call, "body") ?? "",
        draft: call.body.draft === true,
        author: userOf(call),
      });
      return { status: 201, body: await shownPull(call, pull) };
    } catch (error) {
      if (!(error instanceof WorldError)) throw error;
      const label = `${ownerOf(head.repository)}:${head.branch}`;
      if (error.reason === "no-branch") {
        throw invalid({ resource: "PullRequest", field: error.message, code: "invalid" });
      }
      const message =
        error.reason === "exists"
          ? `A pull request already exists for ${label}.`
          : `No commits between ${textIn(call, "base")} and ${head.branch}`;
      throw invalid({ resource: "PullRequest", code: "custom", message });
    }
  };

  const request = async (call: Call): Promise<Reply> => {
    const pull = pullOf(call);
    mustWrite(call, pull.base.repository);
    const names = textsIn(call, "reviewers");
    const slugs = textsIn(call, "team_reviewers");
    if (names.some((name) => name.toLowerCase() === pull.author.name.toLowerCase())) {
      throw new Refusal(failure(422, "Review cannot be requested from pull request author."));
    }
    const users = names.map((name) => world.user(name));
    const owner = ownerOf(pull.base.repository);
    const known = users.flatMap((user) =>
      user !== undefined && world.mayWrite(pull.base.repository, user) ? [user] : [],
    );
    if (known.length < users.length || slugs.some((slug) => !world.teams.has(`${owner}/${slug}`))) {
      const who = `Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the ${pull.base.repository.path} repository.`;
      throw new Refusal(failure(422, who));
    }
    for (const user of known) if (!pull.reviewers.includes(user)) pull.reviewers.push(user);
    for (const slug of slugs) if (!pull.teams.includes(slug)) pull.teams.push(slug);
    return { status: 201, body: await shownPull(call, pull) };
  };

  const graphql = async (call: Call): Promise<Reply> => {
    const user = userOf(call);
    const query = textIn(call, "query") ?? "";
    if (/\bviewer\b/.test(query)) return { status: 200, body: { data: { viewer: { login: user.name } } } };
    const variables = call.body.variables as { id?: string } | undefined;
    const pull = world.repositories
      .flatMap(({ pulls }) => pulls)
      .find(({ id }) => `PR_${id}` === variables?.id);
    const wrong = (type: string, message: string): Reply => ({
      status: 200,
      body: { data: null, errors: [{ type, path: [], message }] },
    });
    if (pull === undefined) return wrong("NOT_FOUND", "Could not resolve to a node with the global id");
    if (!world.mayWrite(pull.base.repository, user) && pull.author !== user) {
      return wrong("FORBIDDEN", `${user.name} does not have the correct permissions`);
    }
    pull.draft = query.includes("convertPullRequestToDraft");
    return { status: 200, body: { data: { done: { pullRequest: { isDraft: pull.draft } } } } };
  };

  const routes: Route[] = [
    [
      "GET",
      "/meta",
      () => ({
        status: 200,
        body: { installed_version: "3.15.0", verifiable_password_authentication: true },
      }),
    ],
    [
      "GET",
      "/user",
      (call) => {
        const { name } = userOf(call);
        if (name.endsWith("[bot]")) throw new Refusal(failure(403, "Resource not accessible by integration"));
        return { status: 200, body: shownUser(call, name) };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo",
      (call) => ({ status: 200, body: shownRepository(world, call, repositoryOf(call), true) }),
    ],
    ["GET", "/repos/:owner/:repo/pulls", list],
    ["POST", "/repos/:owner/:repo/pulls", open],
    [
      "GET",
      "/repos/:owner/:repo/pulls/:number",
      async (call) => ({ status: 200, body: await shownPull(call, pullOf(call)) }),
    ],
    [
      "PATCH",
      "/repos/:owner/:repo/pulls/:number",
      async (call) => {
        const pull = pullOf(call);
        if (pull.author !== call.user) mustWrite(call, pull.base.repository);
        pull.title = textIn(call, "title") ?? pull.title;
        pull.body = textIn(call, "body") ?? pull.body;
        if (textIn(call, "state") === "closed") pull.state = "closed";
        return { status: 200, body: await shownPull(call, pull) };
      },
    ],
    [
      "PUT",
      "/repos/:owner/:repo/issues/:number/labels",
      (call) => {
        const pull = pullOf(call);
        const { repository } = pull.base;
        mustWrite(call, repository);
        pull.labels = textsIn(call, "labels").map((name) => world.label(repository, name).name);
        return { status: 200, body: pull.labels.map((name) => world.label(repository, name)) };
      },
    ],
    ["POST", "/repos/:owner/:repo/pulls/:number/requested_reviewers", request],
    [
      "GET",
      "/repos/:owner/:repo/pulls/:number/reviews",
      (call) => {
        const { items, headers } = pageOf(call, pullOf(call).reviews, "per_page");
        return { status: 200, body: items.map((review) => shownReview(call, review)), headers };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo/issues/:number/comments",
      (call) => {
        const { items, headers } = pageOf(call, pullOf(call).comments, "per_page");
        return { status: 200, body: items.map((comment) => shownComment(call, comment)), headers };
      },
    ],
    [
      "POST",
      "/repos/:owner/:repo/issues/:number/comments",
      (call) => {
        const comment = world.comment(pullOf(call), userOf(call), textIn(call, "body") ?? "");
        return { status: 201, body: shownComment(call, comment) };
      },
    ],
    [
      "PATCH",
      "/repos/:owner/:repo/issues/comments/:id",
      (call) => {
        const repository = repositoryOf(call);
        const comment = repository.pulls
          .flatMap(({ comments }) => comments)
          .find(({ id }) => String(id) === call.params.id);
        if (comment === undefined) throw new Refusal(notFound());
        if (comment.user !== call.user) mustWrite(call, repository);
        comment.body = textIn(call, "body") ?? "";
        return { status: 200, body: shownComment(call, comment) };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo/commits/:ref/status",
      (call) => {
        const sha = call.params.ref ?? "";
        const all = world.statusesOf(repositoryOf(call), sha);
        const { items, headers } = pageOf(call, all, "per_page");
        const statuses = items.map((status) => shownStatus(status));
        return {
          status: 200,
          body: { state: "pending", sha, total_count: all.length, statuses },
          headers: headers.link === undefined ? {} : { link: headers.link },
        };
      },
    ],
    [
      "POST",
      "/repos/:owner/:repo/statuses/:sha",
      (call) => {
        const repository = repositoryOf(call);
        mustWrite(call, repository);
        const state = textIn(call, "state") ?? "";
        const description = textIn(call, "description") ?? "";
        if (!/^(?:pending|success|failure|error)$/.test(state) || description.length > 140) {
          const message = "description is too long (maximum is 140 characters)";
          throw new Refusal(
            failure(422, "Validation Failed", { errors: [{ resource: "Status", code: "custom", message }] }),
          );
        }
        const status = world.setStatus(repository, {
          commit: call.params.sha ?? "",
          context: textIn(call, "context") ?? "default",
          state: state as "pending",
          description,
          url: textIn(call, "target_url"),
          user: userOf(call),
        });
        return { status: 201, body: shownStatus(status) };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo/collaborators/:user/permission",
      (call) => {
        const user = world.user(call.params.user ?? "");
        if (user === undefined) throw new Refusal(notFound());
        const permission = world.mayWrite(repositoryOf(call), user) ? "write" : "read";
        return { status: 200, body: { permission, role_name: permission, user: shownUser(call, user.name) } };
      },
    ],
    [
      "GET",
      "/users/:user",
      (call) => {
        const user = world.user(call.params.user ?? "");
        if (user === undefined) throw new Refusal(notFound());
        return { status: 200, body: { ...shownUser(call, user.name), id: user.id } };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo/hooks",
      (call) => {
        const repository = repositoryOf(call);
        if (!world.mayWrite(repository, call.user)) throw new Refusal(failure(404, "Not Found"));
        const body = repository.hooks.map(({ id, active, url }) => ({ id, active, config: { url } }));
        return { status: 200, body };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo/hooks/:hook/deliveries",
      (call) => {
        const hook = repositoryOf(call).hooks.find(({ id }) => String(id) === call.params.hook);
        if (hook === undefined || call.query.get("status") !== "failure") throw new Refusal(notFound());
        return { status: 200, body: hook.failed.map((id) => ({ id, guid: `g-${id}`, status_code: 502 })) };
      },
    ],
    [
      "GET",
      "/orgs/:org",
      (call) => {
        const { org = "" } = call.params;
        if (![...world.teams.keys()].some((team) => team.startsWith(`${org}/`)))
          throw new Refusal(notFound());
        return { status: 200, body: { id: 1, login: org } };
      },
    ],
    [
      "GET",
      "/orgs/:org/teams/:team",
      (call) => {
        const team = `${call.params.org}/${call.params.team}`;
        if (!world.teams.has(team)) throw new Refusal(notFound());
        return { status: 200, body: { id: 1, slug: call.params.team } };
      },
    ],
    [
      "GET",
      "/orgs/:org/members/:user",
      (call) => {
        if (!world.isMember(call.params.org ?? "", call.params.user ?? "")) throw new Refusal(notFound());
        return { status: 204 };
      },
    ],
    [
      "GET",
      "/orgs/:org/teams/:team/memberships/:user",
      (call) => {
        const { org, team, user = "" } = call.params;
        if (!world.isMember(`${org}/${team}`, user)) throw new Refusal(notFound());
        return { status: 200, body: { state: "active", role: "member" } };
      },
    ],
    ["POST", "/graphql", graphql],
  ];

  const quota = (remaining: number, seconds: number) => ({
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(Math.ceil(Date.now() / 1000) + seconds),
    "x-ratelimit-resource": "core",
  });

  return {
    prefix: "/api/v3",
    routes,
    openPaths: ["/meta"],
    tokenOf: ({ authorization = "" }) => /^(?:bearer|token) (.+)$/i.exec(authorization)?.[1],
    headers: (user) => ({
      "x-github-request-id": "C0DE:1",
      "x-github-media-type": "github.v3; format=json",
      ...quota(4990, 3600),
      ...(user === undefined ? {} : { "x-oauth-scopes": user.rights === "all" ? "repo" : "" }),
    }),
    // https://docs.github.com/rest/pulls/pulls, /rest/issues/labels, /rest/issues/comments, /rest/commits/statuses
    demands: {
      "POST /repos/:owner/:repo/pulls": {
        ...{ required: ["head", "base", "title"], longest: { title: 256, body: 65_536 } },
      },
      "PATCH /repos/:owner/:repo/pulls/:number": { longest: { title: 256, body: 65_536 } },
      "PUT /repos/:owner/:repo/issues/:number/labels": { longest: { labels: 50 } },
      "POST /repos/:owner/:repo/issues/:number/comments": { required: ["body"], longest: { body: 65_536 } },
      "PATCH /repos/:owner/:repo/issues/comments/:id": { required: ["body"], longest: { body: 65_536 } },
      "POST /repos/:owner/:repo/statuses/:sha": { required: ["state"], longest: { context: 255 } },
      "POST /graphql": { required: ["query"] },
    },
    notJson: () => failure(415, "Unsupported Media Type"),
    invalid(field, problem) {
      const error =
        problem === "missing"
          ? { code: "missing_field" }
          : { code: "custom", message: `${field} is too long (maximum is ${problem.longest} characters)` };
      return failure(422, "Validation Failed", { errors: [{ resource: "Issue", field, ...error }] });
    },
    notFound,
    badToken: () => failure(401, "Bad credentials"),
    readOnly: () => ({
      ...failure(403, "Resource not accessible by personal access token"),
      headers: { "x-accepted-github-permissions": "pull_requests=write" },
    }),
    rateLimited: (seconds) => ({
      ...failure(403, "API rate limit exceeded for user ID 1."),
      headers: quota(0, seconds),
    }),
  };
}

function ownerOf(repository: ForgeRepo): string {
  return repository.path.split("/")[0] ?? "";
}

function shownUser({ origin }: Call, login: string) {
  return { login, id: 1, type: login.endsWith("[bot]") ? "Bot" : "User", html_url: `${origin}/${login}` };
}

function shownRepository(world: World, call: Call, repository: ForgeRepo, whole = false): GitHubRepository {
  const { origin } = call;
  const { path, forkOf } = repository;
  return {
    id: repository.id,
    name: path.split("/")[1] ?? "",
    full_name: path,
    private: repository.isPrivate,
    owner: shownUser(call, ownerOf(repository)),
    html_url: `${origin}/${path}`,
    clone_url: `${origin}/${path}.git`,
    ssh_url: `git@${new URL(origin).hostname}:${path}.git`,
    fork: forkOf !== undefined,
    default_branch: repository.defaultBranch,
    ...(whole && forkOf !== undefined ? { parent: shownRepository(world, call, forkOf) } : {}),
    ...(whole && call.user !== undefined
      ? { permissions: { admin: false, push: world.mayWrite(repository, call.user), pull: true } }
      : {}),
  } satisfies GitHubRepository;
}

const reviewStates = {
  approved: "APPROVED",
  "changes-requested": "CHANGES_REQUESTED",
  commented: "COMMENTED",
  dismissed: "DISMISSED",
} as const;

function shownReview(call: Call, { id, user, state, commit, at }: ForgeReview) {
  return {
    id,
    user: shownUser(call, user.name),
    body: "",
    state: reviewStates[state],
    commit_id: commit,
    submitted_at: at,
  } satisfies GitHubReview;
}

function shownComment(call: Call, { id, user, body, at, editedAt = at }: ForgeComment) {
  return {
    id,
    user: shownUser(call, user.name),
    body,
    created_at: at,
    updated_at: editedAt,
  } satisfies GitHubComment;
}

function shownStatus(status: ForgeRepo["statuses"][number]) {
  return {
    id: status.id,
    state: status.state,
    description: status.description,
    target_url: status.url ?? null,
    context: status.context,
    created_at: status.at,
  } satisfies GitHubStatus;
}
