import { type Call, type Dialect, pageOf, Refusal, type Reply, type Route, textIn } from "./dialect.ts";
import type { ForgeComment, ForgePull, ForgeRepo, ForgeStatus, ForgeUser } from "./model.ts";
import { type World, WorldError } from "./world.ts";

const failure = (status: number, message: unknown): Reply => ({ status, body: { message } });

/** What a GitLab answers, as far as a forge is asked. */
export function gitlabDialect(world: World): Dialect {
  const projectBy = (id: string, user: ForgeUser | undefined): ForgeRepo => {
    const byNumber = world.repositories.find((one) => String(one.id) === id);
    const found = world.repository(byNumber?.path ?? id, user);
    if (found === undefined) throw new Refusal(failure(404, "404 Project Not Found"));
    return found;
  };

  const projectOf = (call: Call): ForgeRepo => projectBy(call.params.id ?? "", call.user);

  const pullOf = (call: Call): ForgePull => {
    const found = projectOf(call).pulls.find(({ number }) => String(number) === call.params.iid);
    if (found === undefined) throw new Refusal(failure(404, "404 Not found"));
    return found;
  };

  const userOf = (call: Call): ForgeUser => {
    if (call.user === undefined) throw new Refusal(failure(401, "401 Unauthorized"));
    return call.user;
  };

  const mustWrite = (call: Call, repository: ForgeRepo): void => {
    if (!world.mayWrite(repository, call.user)) throw new Refusal(failure(403, "403 Forbidden"));
  };

  const shownUser = (user: ForgeUser) => ({
    id: user.id,
    username: user.name,
    name: user.name,
    state: "active",
  });

  const shown = async (call: Call, pull: ForgePull) => {
    const { base, head } = pull;
    const sha = await world.headOf(pull);
    return {
      id: pull.id,
      iid: pull.number,
      project_id: base.repository.id,
      title: pull.draft ? `Draft: ${pull.title}` : pull.title,
      description: pull.body === "" ? null : pull.body,
      state: pull.state === "open" ? "opened" : pull.state,
      draft: pull.draft,
      work_in_progress: pull.draft,
      author: shownUser(pull.author),
      labels: pull.labels,
      reviewers: pull.reviewers.map(shownUser),
      source_project_id: head.repository.id,
      target_project_id: base.repository.id,
      source_branch: head.branch,
      target_branch: base.branch,
      sha,
      merge_commit_sha: pull.mergeCommit ?? null,
      squash_commit_sha: null,
      web_url: `${call.origin}/${base.repository.path}/-/merge_requests/${pull.number}`,
      created_at: pull.createdAt,
      updated_at: pull.updatedAt,
      merged_at: pull.mergedAt ?? null,
    };
  };

  const retitle = (pull: ForgePull, title: string): void => {
    pull.draft = /^\s*(?:draft:|\[draft\]|\(draft\))/i.test(title);
    pull.title = title.replace(/^\s*(?:draft:|\[draft\]|\(draft\))\s*/i, "");
  };

  const open = async (call: Call): Promise<Reply> => {
    const source = projectOf(call);
    mustWrite(call, source);
    const target =
      typeof call.body.target_project_id === "number"
        ? projectBy(String(call.body.target_project_id), call.user)
        : source;
    const title = textIn(call, "title") ?? "";
    try {
      const pull = await world.openPull({
        base: { repository: target, branch: textIn(call, "target_branch") ?? "" },
        head: { repository: source, branch: textIn(call, "source_branch") ?? "" },
        ...{ title: "", body: textIn(call, "description") ?? "", draft: false, author: userOf(call) },
      });
      retitle(pull, title);
      return { status: 201, body: await shown(call, pull) };
    } catch (error) {
      if (!(error instanceof WorldError)) throw error;
      if (error.reason === "exists") {
        const message = `Another open merge request already exists for this source branch: !${error.pull?.number}`;
        throw new Refusal(failure(409, [message]));
      }
      // GitLab takes branches without a difference; it does not take branches that are not there.
      throw new Refusal(failure(400, { [`${error.message}_branch`]: ["does not exist"] }));
    }
  };

  const update = async (call: Call): Promise<Reply> => {
    const pull = pullOf(call);
    const { repository } = pull.base;
    if (pull.author !== call.user) mustWrite(call, repository);
    const title = textIn(call, "title");
    if (title !== undefined) retitle(pull, title);
    pull.body = textIn(call, "description") ?? pull.body;
    if (textIn(call, "state_event") === "close") pull.state = "closed";
    const labels = textIn(call, "labels");
    // Who may not label has the parameter ignored.
    if (labels !== undefined && world.mayWrite(repository, call.user)) {
      const names = labels.split(",").map((name) => name.trim());
      pull.labels = names.filter((name) => name !== "").map((name) => world.label(repository, name).name);
    }
    const reviewers = call.body.reviewer_ids;
    if (Array.isArray(reviewers)) {
      const users = world.users.filter((user) => reviewers.includes(user.id));
      // Those who may not see it are left out without a word.
      pull.reviewers.splice(
        0,
        pull.reviewers.length,
        ...users.filter((user) => world.mayWrite(repository, user)),
      );
    }
    return { status: 200, body: await shown(call, pull) };
  };

  const list = async (call: Call): Promise<Reply> => {
    const { query } = call;
    const states: Record<string, string> = { opened: "open", closed: "closed", merged: "merged" };
    const state = states[query.get("state") ?? "all"];
    const found = projectOf(call).pulls.filter(
      (pull) =>
        (state === undefined || pull.state === state) &&
        (!query.has("source_branch") || query.get("source_branch") === pull.head.branch) &&
        (!query.has("target_branch") || query.get("target_branch") === pull.base.branch),
    );
    const { items, headers } = pageOf(call, [...found].reverse(), "per_page");
    return { status: 200, body: await Promise.all(items.map((pull) => shown(call, pull))), headers };
  };

  const setStatus = (call: Call): Reply => {
    const repository = projectOf(call);
    mustWrite(call, repository);
    const commit = call.params.sha ?? "";
    const state = textIn(call, "state") ?? "";
    const description = textIn(call, "description") ?? "";
    const context = textIn(call, "name") ?? "default";
    if (!Object.hasOwn(stateOf, state))
      throw new Refusal({ status: 400, body: { error: "state does not have a valid value" } });
    if (description.length > 255) {
      throw new Refusal(failure(400, { description: ["is too long (maximum is 255 characters)"] }));
    }
    const current = world.statusesOf(repository, commit).find((status) => status.context === context);
    if (current?.state === "pending" && state === "pending") {
      const reason = 'Reason(s): Status cannot transition via "enqueue"';
      throw new Refusal(failure(400, `Cannot transition status via :enqueue from :pending (${reason})`));
    }
    const status = world.setStatus(repository, {
      ...{ commit, context, description, user: userOf(call) },
      state: stateOf[state] ?? "error",
      url: textIn(call, "target_url"),
    });
    return { status: 201, body: shownStatus(status) };
  };

  const note = (call: Call): ForgeComment => {
    const found = pullOf(call).comments.find(({ id }) => String(id) === call.params.note);
    if (found === undefined) throw new Refusal(failure(404, "404 Note Not Found"));
    return found;
  };

  const shownNote = ({ id, user, body, at, editedAt = at }: ForgeComment) => ({
    ...{ id, body, author: shownUser(user), created_at: at, updated_at: editedAt, system: false },
  });

  const routes: Route[] = [
    [
      "GET",
      "/metadata",
      (call) => ({
        status: 200,
        body: { version: "17.11.0", revision: userOf(call) && "0a1b2c3", enterprise: false },
      }),
    ],
    ["GET", "/user", (call) => ({ status: 200, body: shownUser(userOf(call)) })],
    [
      "GET",
      "/users",
      (call) => {
        const wanted = call.query.get("username")?.toLowerCase();
        const found = world.users.filter(({ name }) => wanted === undefined || name.toLowerCase() === wanted);
        return { status: 200, body: found.map(shownUser) };
      },
    ],
    ["GET", "/projects/:id", (call) => ({ status: 200, body: shownProject(world, call, projectOf(call)) })],
    ["GET", "/projects/:id/merge_requests", list],
    ["POST", "/projects/:id/merge_requests", open],
    [
      "GET",
      "/projects/:id/merge_requests/:iid",
      async (call) => ({ status: 200, body: await shown(call, pullOf(call)) }),
    ],
    ["PUT", "/projects/:id/merge_requests/:iid", update],
    [
      "GET",
      "/projects/:id/merge_requests/:iid/approvals",
      (call) => {
        const approved = pullOf(call).reviews.filter(({ state }) => state === "approved");
        const last = new Map(approved.map((review) => [review.user, review]));
        const by = [...last.values()].map(({ user, at }) => ({ user: shownUser(user), approved_at: at }));
        return { status: 200, body: { user_has_approved: false, approved: by.length > 0, approved_by: by } };
      },
    ],
    [
      "GET",
      "/projects/:id/merge_requests/:iid/versions",
      async (call) => {
        const pull = pullOf(call);
        await world.headOf(pull);
        const versions = pull.versions.map(({ commit, at }, index) => ({
          ...{ id: index + 1, head_commit_sha: commit, created_at: at, state: "collected" },
        }));
        const { items, headers } = pageOf(call, versions.reverse(), "per_page");
        return { status: 200, headers, body: items };
      },
    ],
    [
      "GET",
      "/projects/:id/merge_requests/:iid/notes",
      (call) => {
        const pull = pullOf(call);
        const system = {
          ...shownNote({ id: 1, user: pull.author, body: "added 1 commit", at: pull.createdAt }),
          system: true,
        };
        const notes = [system, ...pull.comments.map(shownNote)];
        const { items, headers } = pageOf(
          call,
          call.query.get("sort") === "asc" ? notes : notes.reverse(),
          "per_page",
        );
        return { status: 200, body: items, headers };
      },
    ],
    [
      "POST",
      "/projects/:id/merge_requests/:iid/notes",
      (call) => ({
        status: 201,
        body: shownNote(world.comment(pullOf(call), userOf(call), textIn(call, "body") ?? "")),
      }),
    ],
    [
      "PUT",
      "/projects/:id/merge_requests/:iid/notes/:note",
      (call) => {
        const found = note(call);
        if (found.user !== call.user) throw new Refusal(failure(403, "403 Forbidden"));
        found.body = textIn(call, "body") ?? found.body;
        return { status: 200, body: shownNote(found) };
      },
    ],
    [
      "GET",
      "/projects/:id/repository/commits/:sha/statuses",
      (call) => {
        const all = world.statusesOf(projectOf(call), call.params.sha ?? "");
        const { items, headers } = pageOf(call, all, "per_page");
        return { status: 200, body: items.map(shownStatus), headers };
      },
    ],
    ["POST", "/projects/:id/statuses/:sha", setStatus],
    [
      "GET",
      "/projects/:id/members/all/:user",
      (call) => {
        const project = projectOf(call);
        const user = world.users.find(({ id }) => String(id) === call.params.user);
        if (!world.mayWrite(project, user)) throw new Refusal(failure(404, "404 Not found"));
        return {
          status: 200,
          body: { id: user?.id, username: user?.name, access_level: 40, state: "active" },
        };
      },
    ],
    [
      "GET",
      "/projects/:id/hooks",
      (call) => {
        const project = projectOf(call);
        if (!world.mayWrite(project, call.user)) throw new Refusal(failure(403, "403 Forbidden"));
        const body = project.hooks.map(({ id, url, alertStatus, disabledUntil }) => ({
          ...{ id, url, alert_status: alertStatus, disabled_until: disabledUntil },
        }));
        return { status: 200, body };
      },
    ],
    [
      "GET",
      "/groups/:id",
      (call) => {
        const group = decodeURIComponent(call.params.id ?? "");
        const isGroup = [...world.teams.keys()].some(
          (team) => team === group || team.startsWith(`${group}/`),
        );
        if (!isGroup) throw new Refusal(failure(404, "404 Group Not Found"));
        return { status: 200, body: { id: 1, full_path: group } };
      },
    ],
    [
      "GET",
      "/groups/:id/members/all/:user",
      (call) => {
        const user = world.users.find(({ id }) => String(id) === call.params.user);
        const group = decodeURIComponent(call.params.id ?? "");
        if (!world.isMember(group, user?.name ?? "")) throw new Refusal(failure(404, "404 Not found"));
        return {
          status: 200,
          body: { id: user?.id, username: user?.name, access_level: 30, state: "active" },
        };
      },
    ],
  ];

  return {
    prefix: "/api/v4",
    routes,
    openPaths: [],
    tokenOf: ({ authorization = "", "private-token": own }) =>
      own ?? /^bearer (.+)$/i.exec(authorization)?.[1],
    headers: () => ({
      "x-gitlab-meta": '{"correlation_id":"01","version":"1"}',
      ...{ "ratelimit-limit": "2000", "ratelimit-remaining": "1990" },
      "ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 60),
    }),
    // https://docs.gitlab.com/api/merge_requests/, /api/notes/, /api/commits/
    demands: {
      "POST /projects/:id/merge_requests": {
        required: ["source_branch", "target_branch", "title"],
        longest: { title: 255, description: 1_048_576 },
      },
      "PUT /projects/:id/merge_requests/:iid": { longest: { title: 255, description: 1_048_576 } },
      "POST /projects/:id/merge_requests/:iid/notes": { required: ["body"], longest: { body: 1_000_000 } },
      "PUT /projects/:id/merge_requests/:iid/notes/:note": {
        ...{ required: ["body"], longest: { body: 1_000_000 } },
      },
      "POST /projects/:id/statuses/:sha": { required: ["state"], longest: { name: 255 } },
    },
    notJson: (contentType) => ({
      status: 415,
      body: { error: `The provided content-type '${contentType}' is not supported.` },
    }),
    invalid: (field, problem) =>
      problem === "missing"
        ? { status: 400, body: { error: `${field} is missing` } }
        : failure(400, { [field]: [`is too long (maximum is ${problem.longest} characters)`] }),
    notFound: () => ({ status: 404, body: { error: "404 Not Found" } }),
    badToken: () => failure(401, "401 Unauthorized"),
    readOnly: () => ({
      status: 403,
      body: {
        error: "insufficient_scope",
        error_description: "The request requires higher privileges than provided by the access token.",
        scope: "api",
      },
    }),
    rateLimited: (seconds) => ({
      status: 429,
      body: "Retry later\n",
      headers: {
        "retry-after": String(seconds),
        "ratelimit-remaining": "0",
        "ratelimit-reset": String(Math.ceil(Date.now() / 1000) + seconds),
      },
    }),
  };
}

const stateOf: Readonly<Record<string, ForgeStatus["state"]>> = {
  pending: "pending",
  running: "pending",
  success: "success",
  failed: "failure",
  canceled: "error",
};

const wordOf = { pending: "pending", success: "success", failure: "failed", error: "canceled" } as const;

function shownStatus(status: ForgeStatus) {
  return {
    id: status.id,
    sha: status.commit,
    status: wordOf[status.state],
    name: status.context,
    description: status.description,
    target_url: status.url ?? null,
    created_at: status.at,
  };
}

function shownProject(world: World, call: Call, project: ForgeRepo): object {
  const { origin } = call;
  const level = world.mayWrite(project, call.user) ? 40 : 0;
  return {
    id: project.id,
    path_with_namespace: project.path,
    default_branch: project.defaultBranch,
    http_url_to_repo: `${origin}/${project.path}.git`,
    ssh_url_to_repo: `git@${new URL(origin).hostname}:${project.path}.git`,
    web_url: `${origin}/${project.path}`,
    ...(project.forkOf === undefined
      ? {}
      : { forked_from_project: { id: project.forkOf.id, path_with_namespace: project.forkOf.path } }),
    ...(call.user === undefined
      ? {}
      : {
          permissions: { project_access: level === 0 ? null : { access_level: level }, group_access: null },
        }),
  };
}
