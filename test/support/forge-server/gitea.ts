import type { Comment, CommitStatus, Label, PullRequest, PullReview, Repository, User } from "gitea-js";
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
import type { PartOf } from "./shapes.ts";
import { type World, WorldError } from "./world.ts";

const prefix = /^\s*(?:wip:|\[wip\])\s*/i;

/** What a Gitea answers, as far as a forge is asked. */
export function giteaDialect(world: World): Dialect {
  const failure = (status: number, message: string): Reply => ({
    status,
    body: { message, url: "https://gitea.example.com/api/swagger" },
  });
  const notFound = (): Reply => ({
    ...failure(404, "The target couldn't be found."),
    body: {
      errors: null,
      message: "The target couldn't be found.",
      url: "https://gitea.example.com/api/swagger",
    },
  });

  const repositoryOf = (call: Call): ForgeRepo => {
    const found = world.repository(`${call.params.owner}/${call.params.repo}`, call.user);
    if (found === undefined) throw new Refusal(notFound());
    return found;
  };

  const pullOf = (call: Call): ForgePull => {
    const found = repositoryOf(call).pulls.find(({ number }) => String(number) === call.params.index);
    if (found === undefined) throw new Refusal(notFound());
    return found;
  };

  const userOf = (call: Call): ForgeUser => {
    if (call.user === undefined) throw new Refusal(failure(401, "token is required"));
    return call.user;
  };

  const mustWrite = (call: Call, repository: ForgeRepo): void => {
    if (!world.mayWrite(repository, call.user)) {
      throw new Refusal(failure(403, "user should have a permission to write to a repo"));
    }
  };

  const labelOf = (pull: ForgePull, name: string) => {
    const owner = pull.base.repository.path.split("/")[0] ?? "";
    const shared = world.organizationLabels.get(owner)?.find((label) => label.name === name);
    return shared ?? world.label(pull.base.repository, name);
  };

  const shownLabels = (pull: ForgePull) => pull.labels.map((name): PartOf<Label> => labelOf(pull, name));

  const shown = async (call: Call, pull: ForgePull) => {
    const { base, head } = pull;
    const sha = await world.headOf(pull);
    const merged = pull.state === "merged";
    return {
      id: pull.id,
      number: pull.number,
      html_url: `${call.origin}/${base.repository.path}/pulls/${pull.number}`,
      title: pull.draft ? `WIP: ${pull.title}` : pull.title,
      body: pull.body,
      user: shownUser(pull.author.name),
      labels: shownLabels(pull),
      state: pull.state === "open" ? "open" : "closed",
      draft: pull.draft,
      merged,
      merged_at: pull.mergedAt ?? null,
      merge_commit_sha: pull.mergeCommit ?? null,
      requested_reviewers: pull.reviewers.map(({ name }) => shownUser(name)),
      requested_reviewers_teams: pull.teams.map((name) => ({ id: 1, name })),
      base: {
        ...{ label: base.branch, ref: base.branch, sha: "", repo_id: base.repository.id },
        repo: shownRepository(world, call, base.repository),
      },
      head: {
        ...{ label: head.branch, ref: head.branch, sha, repo_id: head.repository.id },
        repo: shownRepository(world, call, head.repository),
      },
      created_at: pull.createdAt,
      updated_at: pull.updatedAt,
    } satisfies PartOf<PullRequest>;
  };

  const retitle = (pull: ForgePull, whole: string): void => {
    // What is longer is cut without a word.
    const title = whole.length > 255 ? `${whole.slice(0, 252)}…` : whole;
    pull.draft = prefix.test(title);
    pull.title = title.replace(prefix, "");
  };

  const open = async (call: Call): Promise<Reply> => {
    const repository = repositoryOf(call);
    const [owner = "", branch] = (textIn(call, "head") ?? "").split(/:(.*)/s);
    const forks = world.repositories.filter((one) => one === repository || one.forkOf === repository);
    const source = branch === undefined ? repository : forks.find(({ path }) => path.split("/")[0] === owner);
    if (source === undefined) throw new Refusal(notFound());
    const head = { repository: source, branch: branch ?? owner };
    const base = { repository, branch: textIn(call, "base") ?? "" };
    try {
      const pull = await world.openPull({
        ...{ base, head, title: "", body: textIn(call, "body") ?? "", draft: false, author: userOf(call) },
      });
      retitle(pull, textIn(call, "title") ?? "");
      return { status: 201, body: await shown(call, pull) };
    } catch (error) {
      if (!(error instanceof WorldError)) throw error;
      if (error.reason === "exists") {
        const about = `id: ${error.pull?.id}, issue_id: ${error.pull?.number}, head_repo_id: ${source.id}, base_repo_id: ${repository.id}, head_branch: ${head.branch}, base_branch: ${base.branch}`;
        throw new Refusal(failure(409, `pull request already exists for these targets [${about}]`));
      }
      if (error.reason === "no-branch") throw new Refusal(notFound());
      throw new Refusal(
        failure(422, "Invalid PullRequest: There are no changes between the head and the base"),
      );
    }
  };

  const request = (call: Call): Reply => {
    const pull = pullOf(call);
    const { repository } = pull.base;
    mustWrite(call, repository);
    const users = textsIn(call, "reviewers").map((name) => {
      const user = world.user(name);
      if (user === undefined) throw new Refusal(failure(404, `User '${name}' not exist`));
      if (user === pull.author) {
        throw new Refusal(
          failure(422, `poster of pr can't be reviewer [user_id: ${user.id}, repo_id: ${repository.id}]`),
        );
      }
      if (!world.mayWrite(repository, user)) {
        throw new Refusal(
          failure(422, `Reviewer can't read [user_id: ${user.id}, repo_id: ${repository.id}]`),
        );
      }
      return user;
    });
    const owner = repository.path.split("/")[0];
    // Where the owner is a user, teams are left out without a word.
    const isOrganization = world.user(owner ?? "") === undefined;
    for (const name of isOrganization ? textsIn(call, "team_reviewers") : []) {
      if (!world.teams.has(`${owner}/${name}`)) throw new Refusal(failure(404, `Team '${name}' not exist`));
      if (!pull.teams.includes(name)) pull.teams.push(name);
    }
    for (const user of users) if (!pull.reviewers.includes(user)) pull.reviewers.push(user);
    return {
      status: 201,
      body: users.map(({ name }, index) => ({ id: index, user: shownUser(name), state: "REQUEST_REVIEW" })),
    };
  };

  const setLabels = (call: Call): Reply => {
    const pull = pullOf(call);
    const { repository } = pull.base;
    mustWrite(call, repository);
    const ids = Array.isArray(call.body.labels) ? call.body.labels : [];
    // Numbers that are none of its labels are left out.
    const owner = repository.path.split("/")[0] ?? "";
    const known = [...repository.labels, ...(world.organizationLabels.get(owner) ?? [])];
    pull.labels = known.filter(({ id }) => ids.includes(id)).map(({ name }) => name);
    return { status: 200, body: shownLabels(pull) };
  };

  const listed = async (call: Call): Promise<Reply> => {
    const state = call.query.get("state") ?? "open";
    const found = repositoryOf(call).pulls.filter(
      (pull) => state === "all" || (pull.state === "open" ? "open" : "closed") === state,
    );
    const { items, headers } = pageOf(call, [...found].reverse(), "limit");
    return { status: 200, body: await Promise.all(items.map((pull) => shown(call, pull))), headers };
  };

  const shownReview = (pull: ForgePull, head: string, review: ForgeReview) =>
    ({
      id: review.id,
      user: shownUser(review.user.name),
      state: reviewStates[review.state],
      dismissed: review.state === "dismissed",
      stale: review.commit !== head,
      official: world.mayWrite(pull.base.repository, review.user),
      commit_id: review.commit,
      submitted_at: review.at,
    }) satisfies PartOf<PullReview>;

  const shownComment = ({ id, user, body, at, editedAt = at }: ForgeComment): PartOf<Comment> => ({
    ...{ id, user: shownUser(user.name), body, created_at: at, updated_at: editedAt },
  });

  const shownStatus = (status: ForgeRepo["statuses"][number]) =>
    ({
      id: status.id,
      status: status.state,
      target_url: status.url ?? "",
      description: status.description,
      context: status.context,
      created_at: status.at,
    }) satisfies PartOf<CommitStatus>;

  const teamId = (name: string): number => [...world.teams.keys()].indexOf(name) + 1;

  const routes: Route[] = [
    ["GET", "/version", () => ({ status: 200, body: { version: "1.22.6" } })],
    ["GET", "/user", (call) => ({ status: 200, body: shownUser(userOf(call).name) })],
    [
      "GET",
      "/orgs/:org/labels",
      (call) => {
        const labels = world.organizationLabels.get(call.params.org ?? "");
        if (labels === undefined) throw new Refusal(notFound());
        return { status: 200, body: labels, headers: { "x-total-count": String(labels.length) } };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo",
      (call) => ({ status: 200, body: shownRepository(world, call, repositoryOf(call), true) }),
    ],
    ["GET", "/repos/:owner/:repo/pulls", listed],
    ["POST", "/repos/:owner/:repo/pulls", open],
    [
      "GET",
      "/repos/:owner/:repo/pulls/:index",
      async (call) => ({ status: 200, body: await shown(call, pullOf(call)) }),
    ],
    [
      "PATCH",
      "/repos/:owner/:repo/pulls/:index",
      async (call) => {
        const pull = pullOf(call);
        if (pull.author !== call.user) mustWrite(call, pull.base.repository);
        const title = textIn(call, "title");
        if (title !== undefined) retitle(pull, title);
        pull.body = textIn(call, "body") ?? pull.body;
        if (textIn(call, "state") === "closed") pull.state = "closed";
        return { status: 201, body: await shown(call, pull) };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo/labels",
      (call) => {
        const { items, headers } = pageOf(call, repositoryOf(call).labels, "limit");
        // This list has no Link header.
        return { status: 200, body: items, headers: { "x-total-count": headers["x-total-count"] ?? "0" } };
      },
    ],
    [
      "POST",
      "/repos/:owner/:repo/labels",
      (call) => {
        const repository = repositoryOf(call);
        mustWrite(call, repository);
        const color = textIn(call, "color") ?? "";
        if (!/^#?[0-9a-f]{6}$/i.test(color))
          throw new Refusal(failure(422, "ColorPattern: label color is wrong"));
        return {
          status: 201,
          body: world.label(repository, textIn(call, "name") ?? "", color.replace("#", "")),
        };
      },
    ],
    ["PUT", "/repos/:owner/:repo/issues/:index/labels", setLabels],
    ["POST", "/repos/:owner/:repo/pulls/:index/requested_reviewers", request],
    [
      "GET",
      "/repos/:owner/:repo/pulls/:index/reviews",
      async (call) => {
        const pull = pullOf(call);
        const head = await world.headOf(pull);
        const { items, headers } = pageOf(call, pull.reviews, "limit");
        return { status: 200, body: items.map((review) => shownReview(pull, head, review)), headers };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo/issues/:index/comments",
      (call) => ({ status: 200, body: pullOf(call).comments.map(shownComment) }),
    ],
    [
      "POST",
      "/repos/:owner/:repo/issues/:index/comments",
      (call) => ({
        status: 201,
        body: shownComment(world.comment(pullOf(call), userOf(call), textIn(call, "body") ?? "")),
      }),
    ],
    [
      "PATCH",
      "/repos/:owner/:repo/issues/comments/:id",
      (call) => {
        const comments = repositoryOf(call).pulls.flatMap((pull) => pull.comments);
        const found = comments.find(({ id }) => String(id) === call.params.id);
        if (found === undefined) throw new Refusal(notFound());
        if (found.user !== call.user) throw new Refusal(failure(403, "Only the poster may edit it"));
        found.body = textIn(call, "body") ?? found.body;
        return { status: 200, body: shownComment(found) };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo/commits/:ref/status",
      (call) => {
        const sha = call.params.ref ?? "";
        const all = world.statusesOf(repositoryOf(call), sha);
        const { items } = pageOf(call, all, "limit");
        // As in 1.22: no headers that tell how many there are of all, and nothing where there is none.
        const statuses = items.map(shownStatus);
        const combined = { state: "pending", sha, total_count: items.length, statuses };
        return { status: 200, body: items.length === 0 ? null : combined };
      },
    ],
    [
      "POST",
      "/repos/:owner/:repo/statuses/:sha",
      (call) => {
        const repository = repositoryOf(call);
        mustWrite(call, repository);
        const status = world.setStatus(repository, {
          commit: call.params.sha ?? "",
          context: textIn(call, "context") ?? "default",
          state: (textIn(call, "state") ?? "pending") as "pending",
          description: textIn(call, "description") ?? "",
          ...{ url: textIn(call, "target_url"), user: userOf(call) },
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
        return { status: 200, body: { permission, role_name: permission, user: shownUser(user.name) } };
      },
    ],
    [
      "GET",
      "/repos/:owner/:repo/hooks",
      (call) => {
        const repository = repositoryOf(call);
        if (!world.mayWrite(repository, call.user)) throw new Refusal(notFound());
        const body = repository.hooks.map(({ id, active, url }) => ({ id, active, config: { url } }));
        return { status: 200, body };
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
      "/users/search",
      (call) => {
        const q = (call.query.get("q") ?? "").toLowerCase();
        const data = world.users.filter(({ name }) => name.toLowerCase().includes(q));
        return { status: 200, body: { ok: true, data: data.map(({ name }) => shownUser(name)) } };
      },
    ],
    [
      "GET",
      "/users/:user",
      (call) => {
        const user = world.user(call.params.user ?? "");
        if (user === undefined) throw new Refusal(notFound());
        return { status: 200, body: { ...shownUser(user.name), id: user.id } };
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
      "/orgs/:org/teams/search",
      (call) => {
        const names = [...world.teams.keys()].filter((name) => name.startsWith(`${call.params.org}/`));
        const data = names.map((name) => ({ id: teamId(name), name: name.split("/")[1] }));
        return { status: 200, body: { ok: true, data } };
      },
    ],
    [
      "GET",
      "/teams/:id/members/:user",
      (call) => {
        const team = [...world.teams.keys()].find((name) => String(teamId(name)) === call.params.id);
        if (!world.isMember(team ?? "", call.params.user ?? "")) throw new Refusal(notFound());
        return { status: 200, body: shownUser(call.params.user ?? "") };
      },
    ],
  ];

  return {
    prefix: "/api/v1",
    routes,
    openPaths: ["/version"],
    tokenOf: ({ authorization = "" }) => /^(?:bearer|token) (.+)$/i.exec(authorization)?.[1],
    headers: () => ({}),
    // `binding` in https://github.com/go-gitea/gitea, modules/structs, and its schema's columns.
    demands: {
      "POST /repos/:owner/:repo/pulls": { required: ["head", "base", "title"] },
      "POST /repos/:owner/:repo/labels": { required: ["name", "color"], longest: { name: 255 } },
      "POST /repos/:owner/:repo/issues/:index/comments": { required: ["body"] },
      "PATCH /repos/:owner/:repo/issues/comments/:id": { required: ["body"] },
    },
    notJson: () => failure(422, "[]: Unsupported Content-Type"),
    invalid: (field, problem) =>
      failure(422, problem === "missing" ? `[${titled(field)}]: Required` : `[${titled(field)}]: MaxSize`),
    notFound,
    badToken: () => failure(401, "user does not exist [uid: 0, name: ]"),
    readOnly: () =>
      failure(
        403,
        "token does not have at least one of required scope(s), required=[write:repository], token scope=read:repository,read:user",
      ),
    rateLimited: (seconds) => ({
      ...failure(429, "Too Many Requests"),
      headers: { "retry-after": String(seconds) },
    }),
  };
}

const titled = (field: string): string => `${field.slice(0, 1).toUpperCase()}${field.slice(1)}`;

const reviewStates = {
  approved: "APPROVED",
  "changes-requested": "REQUEST_CHANGES",
  commented: "COMMENT",
  dismissed: "APPROVED",
} as const;

function shownUser(login: string) {
  return { id: 1, login, full_name: "", email: `${login}@noreply.example.com` } satisfies PartOf<User>;
}

function shownRepository(world: World, call: Call, repository: ForgeRepo, whole = false): PartOf<Repository> {
  const { origin } = call;
  const { path, forkOf } = repository;
  return {
    id: repository.id,
    name: path.split("/")[1] ?? "",
    full_name: path,
    private: repository.isPrivate,
    html_url: `${origin}/${path}`,
    clone_url: `${origin}/${path}.git`,
    ssh_url: `git@${new URL(origin).hostname}:${path}.git`,
    fork: forkOf !== undefined,
    parent: whole && forkOf !== undefined ? shownRepository(world, call, forkOf) : null,
    default_branch: repository.defaultBranch,
    permissions: { admin: false, push: world.mayWrite(repository, call.user), pull: true },
  } satisfies PartOf<Repository>;
}
