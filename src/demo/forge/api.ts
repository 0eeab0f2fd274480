import { type Context, Hono } from "hono";
import type {
  ForgedRepository,
  ForgePerson,
  ForgeProposal,
  ForgeRemark,
  ForgeState,
  ForgeStatus,
} from "./state.ts";
import { draftMark } from "./state.ts";

/** The part of Gitea's API (https://docs.gitea.com/api) that Waybill asks of a forge, over what this one knows. */
export function forgeApi(state: ForgeState, origin: () => string): Hono {
  const app = new Hono();
  const person = (c: Context): ForgePerson | undefined => {
    const token = /^(?:bearer|token) (.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    return state.people.find((one) => one.token === token);
  };
  const repositoryOf = (c: Context): ForgedRepository | undefined =>
    state.repositories.find(({ path }) => path === `${c.req.param("owner")}/${c.req.param("repo")}`);
  const notFound = (c: Context): Response => c.json({ message: "The target couldn't be found." }, 404);
  const at = "/repos/:owner/:repo";

  /** With the repository of the address, and the body where there is one. */
  const inRepository =
    (answer: (c: Context, repository: ForgedRepository, body: Body) => Response | Promise<Response>) =>
    async (c: Context): Promise<Response> => {
      const repository = repositoryOf(c);
      return repository === undefined ? notFound(c) : answer(c, repository, await bodyOf(c));
    };
  const ofProposal = (
    answer: (
      c: Context,
      proposal: ForgeProposal,
      repository: ForgedRepository,
      body: Body,
    ) => Response | Promise<Response>,
  ) =>
    inRepository((c, repository, body) => {
      const proposal = repository.proposals.find(({ number }) => String(number) === c.req.param("index"));
      return proposal === undefined ? notFound(c) : answer(c, proposal, repository, body);
    });
  const listed = (c: Context, items: readonly object[]): Response => {
    const size = Number(c.req.query("limit") ?? 30);
    const start = (Number(c.req.query("page") ?? 1) - 1) * size;
    c.header("x-total-count", String(items.length));
    return c.json(items.slice(start, start + size));
  };

  app.get("/version", (c) => c.json({ version: "1.22.6" }));
  app.use("*", async (c, next) => {
    const isKnown = person(c) !== undefined;
    if (!isKnown && (c.req.method !== "GET" || c.req.header("authorization") !== undefined)) {
      return c.json({ message: "token is required" }, 401);
    }
    return next();
  });
  app.get("/user", (c) => {
    const who = person(c);
    return who === undefined ? c.json({ message: "token is required" }, 401) : c.json(shownPerson(who));
  });
  app.get("/users/search", (c) => {
    const data = state.people.filter(({ name }) => name.includes(c.req.query("q") ?? ""));
    return c.json({ ok: true, data: data.map(shownPerson) });
  });
  app.get("/users/:user", (c) => {
    const found = state.people.find(({ name }) => name === c.req.param("user"));
    return found === undefined ? notFound(c) : c.json(shownPerson(found));
  });
  app.get(
    at,
    inRepository((c, repository) => c.json(shownRepository(repository, origin()))),
  );
  app.get(
    `${at}/collaborators/:user/permission`,
    inRepository((c) => {
      const isKnown = state.people.some(({ name }) => name === c.req.param("user"));
      return c.json({ permission: isKnown ? "write" : "read" });
    }),
  );
  app.get(
    `${at}/labels`,
    inRepository((c, { labels }) => listed(c, labels)),
  );
  app.post(
    `${at}/labels`,
    inRepository((c, repository, body) => c.json(state.label(repository, body.text("name") ?? ""), 201)),
  );

  app.get(
    `${at}/pulls`,
    inRepository((c, repository) => {
      const open = repository.proposals.filter(
        (one) => c.req.query("state") === "all" || one.state === "open",
      );
      return listed(
        c,
        open.toReversed().map((one) => shownProposal(one, repository, origin())),
      );
    }),
  );
  app.post(
    `${at}/pulls`,
    inRepository(async (c, repository, body) => {
      const by = person(c);
      if (by === undefined) return notFound(c);
      const [title = "", text = "", head = "", base = ""] = ["title", "body", "head", "base"].map(body.text);
      const same = repository.proposals.find((one) => one.state === "open" && one.head === head);
      if (same !== undefined)
        return c.json({ message: "pull request already exists for these targets" }, 409);
      const made = await state.propose(repository, { base, head, title, body: text, by });
      return made === undefined ? notFound(c) : c.json(shownProposal(made, repository, origin()), 201);
    }),
  );
  app.get(
    `${at}/pulls/:index`,
    ofProposal((c, proposal, repository) => c.json(shownProposal(proposal, repository, origin()))),
  );
  app.patch(
    `${at}/pulls/:index`,
    ofProposal(async (c, proposal, repository, body) => {
      proposal.title = body.text("title") ?? proposal.title;
      proposal.body = body.text("body") ?? proposal.body;
      if (body.text("state") === "closed") proposal.state = "closed";
      await state.changed(repository, proposal);
      return c.json(shownProposal(proposal, repository, origin()), 201);
    }),
  );
  app.put(
    `${at}/issues/:index/labels`,
    ofProposal(async (c, proposal, repository, body) => {
      const ids = body.list("labels");
      proposal.labels = repository.labels.filter(({ id }) => ids.includes(id)).map(({ name }) => name);
      await state.changed(repository, proposal);
      return c.json(shownLabels(proposal, repository));
    }),
  );
  app.post(
    `${at}/pulls/:index/requested_reviewers`,
    ofProposal((c) => c.json([], 201)),
  );
  app.get(
    `${at}/pulls/:index/reviews`,
    ofProposal((c) => listed(c, [])),
  );
  app.get(
    `${at}/issues/:index/comments`,
    ofProposal((c, { remarks }) => c.json(remarks.map(shownRemark))),
  );
  app.post(
    `${at}/issues/:index/comments`,
    ofProposal((c, proposal, repository, body) => {
      const by = person(c);
      if (by === undefined) return notFound(c);
      return c.json(shownRemark(state.remark(repository, proposal, by, body.text("body") ?? "")), 201);
    }),
  );
  app.patch(
    `${at}/issues/comments/:id`,
    inRepository((c, repository, body) => {
      const remarks = repository.proposals.flatMap((proposal) => proposal.remarks);
      const found = remarks.find(({ id }) => String(id) === c.req.param("id"));
      if (found === undefined) return notFound(c);
      found.body = body.text("body") ?? found.body;
      found.editedAt = new Date().toISOString();
      return c.json(shownRemark(found));
    }),
  );
  app.get(
    `${at}/commits/:sha/status`,
    inRepository((c, repository) => {
      const sha = c.req.param("sha") ?? "";
      const statuses = state.statusesOf(repository, sha).map(shownStatus);
      return c.json(statuses.length === 0 ? null : { sha, total_count: statuses.length, statuses });
    }),
  );
  app.post(
    `${at}/statuses/:sha`,
    inRepository(async (c, repository, body) => {
      const commit = c.req.param("sha") ?? "";
      const [context = "default", said = "pending", description = "", url = ""] = [
        ...["context", "state", "description", "target_url"].map(body.text),
      ];
      const status = state.setStatus(repository, { commit, context, state: said, description, url });
      const proposal = repository.proposals.find((one) => one.headCommit === commit && one.state === "open");
      if (proposal !== undefined) await state.changed(repository, proposal);
      return c.json(shownStatus(status), 201);
    }),
  );
  app.all("*", notFound);
  return app;
}

interface Body {
  readonly text: (name: string) => string | undefined;
  readonly list: (name: string) => readonly unknown[];
}

async function bodyOf(c: Context): Promise<Body> {
  const isWithBody = c.req.method !== "GET";
  const read: unknown = isWithBody ? await c.req.json().catch(() => undefined) : undefined;
  const values = new Map(typeof read === "object" && read !== null ? Object.entries(read) : []);
  return {
    text(name) {
      const value: unknown = values.get(name);
      return typeof value === "string" ? value : undefined;
    },
    list(name) {
      const value: unknown = values.get(name);
      return Array.isArray(value) ? value : [];
    },
  };
}

function shownPerson({ id, name }: ForgePerson): object {
  return { id, login: name, full_name: "", email: `${name}@example.com` };
}

function shownRepository({ id, path }: ForgedRepository, origin: string): object {
  const address = `${origin}/${path}`;
  return {
    ...{ id, full_name: path, name: path.split("/")[1], private: false, fork: false, default_branch: "main" },
    ...{ html_url: address, clone_url: `${address}.git`, ssh_url: `git@localhost:${path}.git` },
    permissions: { admin: false, push: true, pull: true },
  };
}

function shownLabels({ labels }: ForgeProposal, repository: ForgedRepository): readonly object[] {
  return repository.labels.filter(({ name }) => labels.includes(name));
}

function shownProposal(proposal: ForgeProposal, repository: ForgedRepository, origin: string): object {
  const { id, number, title, body, by, state, base, head, headCommit, mergeCommit, at, updatedAt } = proposal;
  const repo = shownRepository(repository, origin);
  return {
    ...{ id, number, title, body, user: shownPerson(by), labels: shownLabels(proposal, repository) },
    html_url: `${origin}/${repository.path}/pulls/${number}`,
    ...{
      state: state === "open" ? "open" : "closed",
      merged: state === "merged",
      draft: draftMark.test(title),
    },
    ...{ merge_commit_sha: mergeCommit ?? null, requested_reviewers: [], requested_reviewers_teams: [] },
    base: { ref: base, sha: "", repo },
    head: { ref: head, sha: headCommit, repo },
    ...{ created_at: at, updated_at: updatedAt },
  };
}

function shownRemark({ id, by, body, at, editedAt }: ForgeRemark): object {
  return { id, user: shownPerson(by), body, created_at: at, updated_at: editedAt };
}

function shownStatus({ id, context, state, description, url, at }: ForgeStatus): object {
  return { id, context, status: state, description, target_url: url, created_at: at };
}
