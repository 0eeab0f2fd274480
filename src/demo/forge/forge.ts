import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { request as httpRequest } from "node:http";
import { type ServerType, serve } from "@hono/node-server";
import { Hono } from "hono";
import { forgeApi } from "./api.ts";
import { advertise, answerGit, gitEnvironment } from "./git.ts";
import { addLogin, type ForgeLogin } from "./login.ts";
import { forgePolicy, frontPage, proposalPage } from "./page.ts";
import {
  createForgeState,
  type ForgedRepository,
  type ForgeHappening,
  type ForgePerson,
  type ForgeProposal,
} from "./state.ts";

/**
 * A small forge on this machine, for the demonstration alone: Git over HTTP, pull requests that are merged as soon as nothing keeps
 * them, and webhooks that are signed. It speaks as much of Gitea's API as Waybill asks for.
 */
export interface DemoForge {
  readonly url: string;
  /** `127.0.0.1:port`. */
  readonly host: string;
  addPerson(name: string): ForgePerson;
  create(path: string, files: ReadonlyMap<string, string | Buffer>): Promise<ForgedRepository>;
  /** Says what somebody says under a pull request. */
  say(repository: ForgedRepository, proposal: ForgeProposal, by: ForgePerson, body: string): void;
  /** From now on, what happens is told there. */
  hook(url: string, secret: string): void;
  /** How its people log in elsewhere. */
  readonly login: ForgeLogin;
  /** Lets one browser in as somebody, once, and leads it on. @returns The path that does. */
  admit(person: ForgePerson, to: string): string;
  close(): Promise<void>;
}

/** Starts it. @param folder An empty one, for its repositories. */
export async function startDemoForge(folder: string): Promise<DemoForge> {
  let hook: { readonly url: string; readonly secret: string } | undefined;
  const entries = new Map<string, { readonly person: ForgePerson; readonly to: string }>();
  const state = createForgeState(folder, (happening) => {
    if (hook !== undefined) deliver(hook, happening, origin());
  });
  const environment = gitEnvironment(folder, "forge");
  const app = new Hono();
  let host = "";
  const origin = (): string => `http://${host}`;

  app.use("*", async (c, next) => {
    // A page elsewhere could name this machine by a name of its own.
    if (c.req.header("host") !== host) return c.text("not this host\n", 421);
    await next();
    c.header("x-content-type-options", "nosniff");
    c.header("cache-control", "no-store");
    c.header("content-security-policy", forgePolicy);
    return undefined;
  });
  app.route("/api/v1", forgeApi(state, origin));
  const login = await addLogin(app, origin);
  app.get("/", (c) => c.html(frontPage(state)));
  app.get("/enter/:key", (c) => {
    const entry = entries.get(c.req.path);
    entries.delete(c.req.path);
    if (entry === undefined) return c.text("this link was used, and is good for nothing any more\n", 410);
    c.header("set-cookie", login.begin(entry.person));
    c.header("referrer-policy", "no-referrer");
    return c.redirect(entry.to, 303);
  });
  const repositoryAt = (path: string): ForgedRepository | undefined =>
    state.repositories.find((one) => one.path === path.replace(/\.git$/, ""));
  app.get("/:owner/:repo/pulls/:number{[0-9]{1,9}}", (c) => {
    const { owner, repo, number } = c.req.param();
    const repository = repositoryAt(`${owner}/${repo}`);
    const page = repository && proposalPage(state, repository, Number(number));
    return page === undefined ? c.notFound() : c.html(page);
  });
  app.get("/:owner/:repo/info/refs", (c) => {
    const { owner, repo } = c.req.param();
    const repository = repositoryAt(`${owner}/${repo}`);
    const service = c.req.query("service");
    if (repository === undefined) return c.notFound();
    if (service !== "git-upload-pack" && service !== "git-receive-pack") return c.text("", 403);
    if (service === "git-receive-pack" && !mayPush(c.req.header("authorization"))) return challenge();
    return advertise(service, repository.git.folder, environment);
  });
  app.post("/:owner/:repo/git-upload-pack", (c) => {
    const { owner, repo } = c.req.param();
    const repository = repositoryAt(`${owner}/${repo}`);
    if (repository === undefined) return c.notFound();
    return answerGit("git-upload-pack", repository.git.folder, c.req.raw, environment);
  });
  app.post("/:owner/:repo/git-receive-pack", async (c) => {
    const { owner, repo } = c.req.param();
    const repository = repositoryAt(`${owner}/${repo}`);
    if (repository === undefined) return c.notFound();
    if (!mayPush(c.req.header("authorization"))) return challenge();
    const before = await repository.git.refs();
    const answer = await answerGit("git-receive-pack", repository.git.folder, c.req.raw, environment);
    await state.pushed(repository, before);
    return answer;
  });

  const mayPush = (authorization = ""): boolean => {
    const encoded = /^basic (.+)$/i.exec(authorization)?.[1] ?? "";
    const password = Buffer.from(encoded, "base64").toString().split(/:(.*)/s)[1];
    return state.people.some(({ token }) => token === password);
  };
  const challenge = (): Response =>
    new Response("a token is needed\n", {
      status: 401,
      headers: { "www-authenticate": 'Basic realm="forge"' },
    });

  const server = await listening(app);
  const address = server.address();
  host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  return {
    ...{ url: origin(), host },
    addPerson: state.addPerson,
    create: state.create,
    say: (repository, proposal, by, body) => void state.remark(repository, proposal, by, body),
    hook: (url, secret) => {
      hook = { url, secret };
    },
    login,
    admit(person, to) {
      const path = `/enter/${randomBytes(18).toString("base64url")}`;
      entries.set(path, { person, to });
      return path;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}

function listening(app: Hono): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    // It must not replace what all servers of the process are made of.
    const options = { fetch: app.fetch, hostname: "127.0.0.1", port: 0, overrideGlobalObjects: false };
    const server = serve(options, () => resolve(server));
    server.once("error", reject);
  });
}

/**
 * Tells what has happened, as Gitea does. The forge is another party than Waybill, and what gets lost is seen when Waybill looks by
 * itself, so nobody waits for the answer.
 */
function deliver(
  { url, secret }: { readonly url: string; readonly secret: string },
  happening: ForgeHappening,
  origin: string,
): void {
  const { event, repository } = happening;
  const address = { clone_url: `${origin}/${repository.path}.git`, html_url: `${origin}/${repository.path}` };
  const about =
    event === "push"
      ? { ref: happening.ref, after: happening.commit }
      : event === "pull_request"
        ? { action: "edited", number: happening.number, pull_request: { number: happening.number } }
        : {
            ...{ action: "created", is_pull: true, issue: { number: happening.number } },
            comment: { id: happening.remark },
          };
  const body = JSON.stringify({ ...about, repository: address });
  const headers = {
    "content-type": "application/json",
    "x-gitea-event": event,
    "x-gitea-delivery": randomUUID(),
    "x-gitea-signature": createHmac("sha256", secret).update(body).digest("hex"),
  };
  const sent = httpRequest(url, { method: "POST", headers }, (answer) => answer.resume());
  sent.on("error", () => undefined);
  sent.end(body);
}
