import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createApps } from "./apps.ts";
import { branchCommit, commitTo } from "./bare.ts";
import { type Call, type Dialect, problemOf, Refusal, type Reply } from "./dialect.ts";
import { createFaults, type FaultScope, type Trouble } from "./faults.ts";
import { serveGit } from "./git-http.ts";
import { giteaDialect } from "./gitea.ts";
import { githubDialect } from "./github.ts";
import { gitlabDialect } from "./gitlab.ts";
import type { ForgeApp, ForgeHook, ForgePull, ForgeRepo, ForgeUser, Protection } from "./model.ts";
import { createWorld, type World } from "./world.ts";

/** A request that the server has seen. */
export interface SeenByForge {
  readonly method: string;
  /** Path and query, with its escapes. */
  readonly url: string;
  /** Whose token came with it: a user's name, `none`, or `unknown` for a token that is nobody's. */
  readonly by: string;
  readonly body: unknown;
}

/**
 * A forge for tests, on 127.0.0.1: the API of one kind over a state that tests can look into and change, with real
 * Git below. `git` clones from it and pushes to it, with a token as the password.
 */
export interface ForgeServer {
  readonly kind: "github" | "gitlab" | "gitea";
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly url: string;
  readonly world: World;
  readonly seen: readonly SeenByForge[];
  /** Adds somebody. @returns The token. */
  addUser(name: string, rights?: ForgeUser["rights"]): string;
  /** Adds an app that is installed for repositories; a GitHub alone has any. */
  addApp(app: Omit<ForgeApp, "issued">): ForgeApp;
  /** Adds a webhook, of which nothing is delivered. */
  addHook(path: string, url: string): ForgeHook;
  /** Ends all tokens that apps were given. */
  endAppTokens(): void;
  /** Adds a team, as `organization/team`. */
  addTeam(name: string, members: readonly string[]): void;
  /** A repository with the branch `main`, and one commit on it; paths are `owner/name`. */
  createRepository(
    path: string,
    files?: Readonly<Record<string, string>>,
    options?: { readonly isPrivate?: boolean },
  ): Promise<ForgeRepo>;
  fork(path: string, owner: string, name?: string): Promise<ForgeRepo>;
  /** Gives a repository another path; whoever asks by the old one is sent on, as the forges do it. */
  rename(path: string, to: string): Promise<void>;
  /** Lets a user write to a repository. */
  addWriter(path: string, name: string): void;
  protect(path: string, protection: Partial<Protection>): void;
  /** Commits to a branch as somebody's push would; a new branch begins at `main`. @returns The commit. */
  commit(path: string, branch: string, files: Readonly<Record<string, string>>): Promise<string>;
  /** The newest commit of a branch. */
  branch(path: string, branch: string): Promise<string | undefined>;
  pullRequests(path: string): readonly ForgePull[];
  pullRequest(path: string, number: number): ForgePull;
  approve(path: string, number: number, name: string): Promise<void>;
  requestChanges(path: string, number: number, name: string): Promise<void>;
  /** Dismisses (on GitLab: withdraws) all approvals of somebody. */
  dismiss(path: string, number: number, name: string): void;
  comment(path: string, number: number, name: string, body: string): void;
  setLabels(path: string, number: number, labels: readonly string[]): void;
  closePullRequest(path: string, number: number): void;
  /** Merges with Git. @returns The commit of the merge. @throws When something keeps it, with what that is. */
  merge(path: string, number: number): Promise<string>;
  /** Spoils the next requests that the scope fits. */
  failNext(trouble: Trouble, scope?: FaultScope): void;
  /** Lets what is still to come go well. */
  clearFaults(): void;
  /** Whether any request came with a token that is nobody's here. */
  sawForeignToken(): boolean;
  close(): Promise<void>;
}

const dialects = { github: githubDialect, gitlab: gitlabDialect, gitea: giteaDialect };

/** Starts one; to be closed. */
export async function startForgeServer({ kind }: Pick<ForgeServer, "kind">): Promise<ForgeServer> {
  const root = await mkdtemp(join(tmpdir(), "waybill-forge-"));
  const world = createWorld(root);
  const failure = (status: number, message: string): Reply => ({ status, body: { message } });
  const apps = createApps({ users: world.users, put: world.putUser, remove: world.removeUser, failure });
  world.signers.push(apps.signerOf);
  const spoken = dialects[kind](world);
  const dialect = kind === "github" ? { ...spoken, routes: [...apps.routes, ...spoken.routes] } : spoken;
  const faults = createFaults();
  const seen: SeenByForge[] = [];

  const server = createServer((request, response) => {
    request.on("error", () => {});
    response.on("error", () => {});
    handle(request, response).catch((error: unknown) => {
      response
        .writeHead(500, { "content-type": "text/plain" })
        .end(String(error instanceof Error ? error.stack : error));
    });
  });

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = "GET", url = "/" } = request;
    const isGit = /\.git\/(?:info\/refs|git-(?:upload|receive)-pack)(?:\?|$)/.test(url);
    const token = isGit ? passwordOf(request) : dialect.tokenOf(headersOf(request));
    const user = world.userOfToken(token);
    const parsed = isGit ? undefined : jsonOf(body);
    seen.push({ method, url, by: token === undefined ? "none" : (user?.name ?? "unknown"), body: parsed });
    const trouble = faults.next(method, url.split("?")[0] ?? "");
    if (trouble?.kind === "hang-up") return void request.socket.destroy();
    if (trouble?.kind === "answer") return write(response, dialect, user, trouble);
    if (trouble?.kind === "rate-limit")
      return write(response, dialect, user, dialect.rateLimited(trouble.seconds));
    if (isGit) return serveGit(world, root, request, response, body);
    const moved = isGit ? undefined : movedTo(url);
    if (moved !== undefined) {
      // GitLab sends on who reads alone.
      const status = method === "GET" ? 301 : kind === "gitlab" ? 405 : 307;
      return write(response, dialect, user, { status, headers: status === 405 ? {} : { location: moved } });
    }
    const contentType = body.length === 0 ? undefined : (request.headers["content-type"] ?? "");
    const reply = await answer(
      dialect,
      method,
      url,
      { user, known: token === undefined || user !== undefined },
      { parsed, contentType },
      origin(),
    );
    if (trouble?.kind === "hang-up-after") return void request.socket.destroy();
    const known = kind === "gitea" || method !== "GET" ? undefined : etagOf(reply);
    if (known === undefined) return write(response, dialect, user, reply);
    const headers = { ...reply.headers, etag: known };
    const isUnchanged = request.headers["if-none-match"] === known;
    write(response, dialect, user, isUnchanged ? { status: 304, headers } : { ...reply, headers });
  };

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const origin = (): string => `http://${host}`;

  const renamed = new Map<string, string>();
  const movedTo = (url: string): string | undefined => {
    for (const [from, to] of renamed) {
      const [old, now] = kind === "gitlab" ? [from, to].map(encodeURIComponent) : [from, to];
      const at = new RegExp(`/(repos|projects)/${old}(?=[/?]|$)`, "i");
      if (at.test(url)) return url.replace(at, `/$1/${now}`);
    }
    return undefined;
  };

  const repository = (path: string): ForgeRepo => {
    const found = world.repositories.find((one) => one.path === path);
    if (found === undefined) throw new Error(`there is no repository ${path}`);
    return found;
  };
  const pull = (path: string, number: number): ForgePull => {
    const found = repository(path).pulls.find((one) => one.number === number);
    if (found === undefined) throw new Error(`there is no pull request ${number} in ${path}`);
    return found;
  };
  const user = (name: string): ForgeUser => {
    const found = world.user(name);
    if (found === undefined) throw new Error(`there is no user ${name}`);
    return found;
  };

  return {
    ...{ kind, host, world, seen },
    url: origin(),
    addUser: (name, rights = "all") => world.addUser(name, rights).token,
    addApp: (app) => apps.add(app),
    addHook(path, url) {
      const { hooks } = repository(path);
      const hook = { id: 500 + hooks.length, url, active: true, failed: [], disabledUntil: null };
      const added: ForgeHook = { ...hook, alertStatus: "executable" };
      hooks.push(added);
      return added;
    },
    endAppTokens: () => apps.endTokens(),
    addTeam: (name, members) => world.addTeam(name, members),
    createRepository: (path, files = { "README.md": "# A repository\n" }, { isPrivate = false } = {}) =>
      world.createRepository(path, files, isPrivate),
    fork: (path, owner, name) => world.fork(repository(path), `${owner}/${name ?? path.split("/").at(-1)}`),
    async rename(path, to) {
      const found = repository(path);
      const folder = join(root, `${to}.git`);
      await mkdir(dirname(folder), { recursive: true });
      await rename(found.folder, folder);
      Object.assign(found, { path: to, folder });
      renamed.set(path, to);
    },
    addWriter: (path, name) => void repository(path).writers.add(name),
    protect(path, protection) {
      const found = repository(path);
      found.protection = { ...found.protection, ...protection };
    },
    commit: (path, branch, files) => commitTo(repository(path).folder, branch, files, "a change", "main"),
    branch: (path, branch) => branchCommit(repository(path).folder, branch),
    pullRequests: (path) => repository(path).pulls,
    pullRequest: pull,
    async approve(path, number, name) {
      await world.review(pull(path, number), user(name), "approved");
    },
    async requestChanges(path, number, name) {
      const found = pull(path, number);
      // GitLab has approvals alone, and whoever objects withdraws theirs.
      if (kind === "gitlab") dismiss(found, name);
      else await world.review(found, user(name), "changes-requested");
    },
    dismiss: (path, number, name) => dismiss(pull(path, number), name),
    comment: (path, number, name, body) => void world.comment(pull(path, number), user(name), body),
    setLabels(path, number, labels) {
      const found = pull(path, number);
      found.labels = labels.map((name) => world.label(repository(path), name).name);
    },
    closePullRequest(path, number) {
      pull(path, number).state = "closed";
    },
    merge: (path, number) => world.merge(pull(path, number)),
    failNext: (trouble, scope = {}) => faults.add(trouble, scope),
    clearFaults: () => faults.clear(),
    sawForeignToken: () => seen.some(({ by }) => by === "unknown"),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await rm(root, { recursive: true, force: true });
    },
  };
}

function dismiss(pull: ForgePull, name: string): void {
  for (const review of pull.reviews) {
    if (review.user.name === name && review.state === "approved") review.state = "dismissed";
  }
}

async function answer(
  dialect: Dialect,
  method: string,
  url: string,
  from: { readonly user: ForgeUser | undefined; readonly known: boolean },
  { parsed, contentType }: { readonly parsed: unknown; readonly contentType: string | undefined },
  origin: string,
): Promise<Reply> {
  const [whole = "", search = ""] = url.split(/\?(.*)/s);
  // GitHub has its other API beside the first one.
  const path = whole === "/api/graphql" ? `${dialect.prefix}/graphql` : whole;
  if (!path.startsWith(`${dialect.prefix}/`)) return { status: 404, body: "<html>not found</html>" };
  const segments = path
    .slice(dialect.prefix.length + 1)
    .split("/")
    .map(decodeURIComponent);
  const fitting = dialect.routes.flatMap((route) => {
    const params = paramsOf(route[1], segments);
    return params === undefined || route[0] !== method ? [] : [{ handle: route[2], params, path: route[1] }];
  });
  const [found] = fitting;
  if (!from.known) return dialect.badToken();
  if (found === undefined) return dialect.notFound();
  if (method !== "GET" && from.user === undefined) return dialect.badToken();
  if (method !== "GET" && from.user?.rights === "read") return dialect.readOnly({ origin });
  if (contentType !== undefined && !/^application\/json\b/i.test(contentType)) {
    return dialect.notJson(contentType);
  }
  const record = typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  const problem = problemOf(dialect.demands[`${method} ${found.path}`] ?? {}, record);
  if (problem !== undefined) return dialect.invalid(...problem);
  const call: Call = {
    ...{ params: found.params, query: new URLSearchParams(search), body: record },
    ...{ user: from.user, origin, path },
  };
  try {
    return await found.handle(call);
  } catch (error) {
    if (error instanceof Refusal) return error.reply;
    throw error;
  }
}

function paramsOf(pattern: string, segments: readonly string[]): Record<string, string> | undefined {
  const parts = pattern.slice(1).split("/");
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith(":")) params[part.slice(1)] = segment;
    else if (part !== segment) return undefined;
  }
  return params;
}

/** A word for the state of what is answered; Gitea has none. */
function etagOf({ status, body }: Reply): string | undefined {
  if (status !== 200 || body === undefined) return undefined;
  return `W/"${createHash("sha256").update(JSON.stringify(body)).digest("hex").slice(0, 32)}"`;
}

function write(response: ServerResponse, dialect: Dialect, user: ForgeUser | undefined, reply: Reply): void {
  const { status, body, headers } = reply;
  const isText = typeof body === "string";
  response.writeHead(status, {
    "content-type": isText ? "text/plain" : "application/json; charset=utf-8",
    ...dialect.headers(user),
    ...headers,
  });
  response.end(body === undefined ? undefined : isText ? body : JSON.stringify(body));
}

function jsonOf(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return body.toString("utf8");
  }
}

function headersOf(request: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

function passwordOf(request: IncomingMessage): string | undefined {
  const encoded = /^basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString().split(/:(.*)/s)[1];
}
