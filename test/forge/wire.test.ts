import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type ForgeError, type ForgeKind, type ForgeWait, openForge } from "../../src/forge/index.ts";
import type { TracedRequest } from "../../src/http/index.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { answer, type Script, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";

const kinds: readonly ForgeKind[] = ["github", "gitlab", "gitea"];
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function forgeOf(kind: ForgeKind, rights: "all" | "read" = "all") {
  const server: ForgeServer = await startForgeServer({ kind });
  open.push(server);
  const token = server.addUser("robot", rights);
  server.addUser("alice");
  await server.createRepository("org/images");
  server.addWriter("org/images", "robot");
  const waits: ForgeWait[] = [];
  const listener = (wait: ForgeWait) => void waits.push(wait);
  const timing = { firstBackoff: 1 };
  const forge = openForge({ kind, host: server.host, token, timing, listener });
  return { server, forge, token, waits };
}

async function scripted(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  open.push(server);
  return server;
}

const thrown = async (asked: Promise<unknown>): Promise<ForgeError> => {
  const error = await asked.then(
    () => new Error("nothing was thrown"),
    (failure: unknown) => failure,
  );
  expect(error).toMatchObject({ name: "ForgeError" });
  return error as ForgeError;
};

/** All that could be printed of a failure. */
const shown = (error: Error): string => inspect(error, { depth: 20, showHidden: true });

describe.each(kinds)("the way to a %s", (kind) => {
  it("tries reading again when the forge fails or the connection breaks", async () => {
    const { server, forge, waits } = await forgeOf(kind);
    server.failNext({ kind: "answer", status: 502, body: "<html>bad gateway</html>" });
    server.failNext({ kind: "hang-up" });
    server.failNext({ kind: "answer", status: 503, headers: { "retry-after": "0" } });
    expect(await forge.user()).toBe("robot");
    expect(server.seen).toHaveLength(4);
    expect(waits).toHaveLength(3);
  });

  it("gives up after four attempts", async () => {
    const { server, forge } = await forgeOf(kind);
    server.failNext({ kind: "answer", status: 503, body: "down" }, { times: 9 });
    expect(await thrown(forge.user())).toMatchObject({ code: "unreachable", where: server.host });
    expect(server.seen).toHaveLength(4);
  });

  it("does not try writing again, and finds what was done when it is asked to once more", async () => {
    const { server, forge } = await forgeOf(kind);
    await server.commit("org/images", "next", { "a.yaml": "a\n" });
    const { pullRequests } = forge.project("org/images");
    const head = { repository: "org/images", branch: "next" };
    const proposal = { title: "Next", body: "", base: "main", head };
    server.failNext({ kind: "hang-up-after" }, { method: "POST" });
    const error = await thrown(pullRequests.open(proposal));
    expect(error.code).toBe("unreachable");
    expect(error.hint).toContain("it may have been done all the same");
    expect(server.seen.filter(({ method }) => method === "POST")).toHaveLength(1);
    expect((await pullRequests.open(proposal)).number).toBe(1);
    expect(server.pullRequests("org/images")).toHaveLength(1);
    server.failNext({ kind: "answer", status: 502 }, { method: "POST" });
    expect((await thrown(pullRequests.open(proposal))).code).toBe("unreachable");
  });

  it("waits for a quota when that is short, also to write, and says so", async () => {
    const { server, forge, waits } = await forgeOf(kind);
    const { statuses } = forge.project("org/images");
    const commit = (await server.branch("org/images", "main")) ?? "";
    server.failNext({ kind: "rate-limit", seconds: 0 }, { method: "POST" });
    await statuses.set(commit, { context: "a", state: "success", description: "" });
    expect(await statuses.read(commit)).toHaveLength(1);
    expect(waits.map(({ host }) => host)).toEqual([server.host]);
    expect(waits[0]?.milliseconds).toBeLessThanOrEqual(1000);
  });

  it("says when it may be asked again, when that is longer", async () => {
    const { server, forge } = await forgeOf(kind);
    server.failNext({ kind: "rate-limit", seconds: 3600 });
    const error = await thrown(forge.user());
    expect(error.code).toBe("rate-limited");
    const [at = ""] = /\d{4}-\d\d-\d\dT[\d:.]+Z/.exec(error.hint ?? "") ?? [];
    const minutes = (Date.parse(at) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(58);
    expect(minutes).toBeLessThan(62);
    expect(server.seen).toHaveLength(1);
  });

  it("names the right that a token lacks", async () => {
    const { server, forge } = await forgeOf(kind, "read");
    const commit = (await server.branch("org/images", "main")) ?? "";
    const status = { context: "a", state: "success", description: "" } as const;
    const error = await thrown(forge.project("org/images").statuses.set(commit, status));
    expect(error.code).toBe("forbidden");
    const right = { github: "pull_requests=write", gitlab: "scope api", gitea: "write:repository" }[kind];
    expect(error.hint).toContain(right);
  });

  it("names the role that a user lacks", async () => {
    const { server, token } = await forgeOf(kind);
    await server.createRepository("other/images");
    const forge = openForge({ kind, host: server.host, token });
    const commit = (await server.branch("other/images", "main")) ?? "";
    const status = { context: "a", state: "success", description: "" } as const;
    const error = await thrown(forge.project("other/images").statuses.set(commit, status));
    expect(error.code).toBe("forbidden");
    expect(error.hint).toMatch(/write access|role|collaborator/);
  });

  it("says that a token is refused, and shows it nowhere", async () => {
    const { server } = await forgeOf(kind);
    const token = "ghp_veryS3cretVeryS3cretVeryS3cret";
    const forge = openForge({ kind, host: server.host, token });
    const error = await thrown(forge.user());
    expect(error.code).toBe("token-refused");
    expect(shown(error)).not.toContain("veryS3cret");
    expect(server.seen.map(({ url }) => url).join()).not.toContain("veryS3cret");
  });

  it("shows no token of a forge that repeats it, nor its control characters", async () => {
    const token = "s3cret-of-mine";
    const server = await scripted((request, response) => {
      const message = `you sent ${request.headers.authorization}\u001b[31m\nand more`;
      answer(
        response,
        400,
        { "content-type": "application/json" },
        JSON.stringify({ message, error: token }),
      );
    });
    const error = await thrown(openForge({ kind, host: server.host, token }).user());
    expect(error.code).toBe("refused");
    expect(shown(error)).not.toContain(token);
    expect(error.message).not.toMatch(/\p{Cc}/u);
  });

  it("follows a redirect at the same origin, and takes no token to another", async () => {
    const elsewhere = await scripted((_, response) =>
      answer(response, 200, {}, '{"login":"x","username":"x"}'),
    );
    const { server, forge } = await forgeOf(kind);
    const api = { github: "/api/v3", gitlab: "/api/v4", gitea: "/api/v1" }[kind];
    server.failNext({ kind: "answer", status: 301, headers: { location: `${api}/user` } });
    expect(await forge.user()).toBe("robot");
    for (const status of [301, 302, 307, 308]) {
      const again = openForge({ kind, host: server.host, token: "another" });
      const location = `${elsewhere.origin}${api}/user`;
      server.failNext({ kind: "answer", status, headers: { location } });
      const error = await thrown(again.user());
      expect(error).toMatchObject({ code: "unexpected-answer" });
      expect(error.message).toContain(elsewhere.host);
    }
    expect(elsewhere.seen).toEqual([]);
  });

  it("gives up redirects that lead nowhere, and those that would turn writing into reading", async () => {
    const server = await scripted((request, response) => {
      answer(response, 302, { location: `${request.url}` });
    });
    const forge = openForge({ kind, host: server.host, token: "t" });
    expect((await thrown(forge.user())).code).toBe("unexpected-answer");
    expect(server.seen.length).toBeLessThan(6);
    const before = server.seen.length;
    const status = { context: "a", state: "success", description: "" } as const;
    const error = await thrown(forge.project("a/b").statuses.set("0".repeat(40), status));
    expect(error.code).toBe("unexpected-answer");
    expect(server.seen).toHaveLength(before + 1);
  });

  it("reads no more than it has to of an answer without end", async () => {
    const server = await scripted((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const more = (): void => {
        while (!response.destroyed && response.write("[".repeat(65_536)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    const error = await thrown(openForge({ kind, host: server.host, token: "t" }).user());
    expect(error.code).toBe("unexpected-answer");
    expect(error.message).toContain("bytes");
  });

  it("says of a page or of something else that it is no answer of a forge", async () => {
    for (const body of ["<html>log in</html>", "[]", '{"login":5,"username":5}', ""]) {
      const server = await scripted((_, response) => {
        answer(response, 200, { "content-type": "application/json" }, body);
      });
      const forge = openForge({ kind, host: server.host, token: "t" });
      expect((await thrown(forge.user())).code).toBe("unexpected-answer");
      const project = forge.project("a/b");
      const statuses = project.statuses.read("0".repeat(40));
      // To a GitLab an empty list is one.
      if (kind !== "gitlab" || body !== "[]") expect((await thrown(statuses)).code).toBe("unexpected-answer");
      expect((await thrown(project.pullRequests.read(1))).code).toBe("unexpected-answer");
      if (body !== "[]")
        expect((await thrown(project.conversation.comments(1))).code).toBe("unexpected-answer");
    }
  });

  it("takes no page for the answer to what was to be done", async () => {
    const server = await scripted((_, response) => answer(response, 200, {}, "<html>log in</html>"));
    const project = openForge({ kind, host: server.host, token: "t" }).project("a/b");
    const status = { context: "a", state: "success", description: "" } as const;
    const error = await thrown(project.statuses.set("0".repeat(40), status));
    expect(error).toMatchObject({ code: "unexpected-answer", where: server.host });
    expect(error.hint).toContain("login page");
  });

  it("says nothing of its own of what a forge calls deprecated", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const server = await scripted((_, response) =>
      answer(response, 200, { deprecation: "true", sunset: "soon" }, '{"login":"x","username":"x"}'),
    );
    expect(await openForge({ kind, host: server.host, token: "t" }).user()).toBe("x");
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it("does not wait for ever for an answer", async () => {
    const server = await scripted(() => {});
    const timing = { answer: 20, firstBackoff: 1 };
    const error = await thrown(openForge({ kind, host: server.host, token: "t", timing }).user());
    expect(error).toMatchObject({ code: "unreachable" });
    expect(error.message).toContain("does not answer in time");
  });

  it("stops when it is told to, with the reason that was given", async () => {
    const reason = new Error("that is enough");
    const asking = new AbortController();
    const silent = await scripted(() => asking.abort(reason));
    const one = openForge({ kind, host: silent.host, token: "t", signal: asking.signal });
    expect(await one.user().catch((error: unknown) => error)).toBe(reason);
    const waiting = new AbortController();
    const { server, token } = await forgeOf(kind);
    server.failNext({ kind: "answer", status: 503, headers: { "retry-after": "50" } });
    const listener = () => void setImmediate(() => waiting.abort(reason));
    const other = openForge({ kind, host: server.host, token, signal: waiting.signal, listener });
    expect(await other.user().catch((error: unknown) => error)).toBe(reason);
  });

  it("says that nobody listens", async () => {
    const server = await startScriptedServer(() => {});
    await server.close();
    const timing = { firstBackoff: 1 };
    const error = await thrown(openForge({ kind, host: server.host, token: "t", timing }).user());
    expect(error).toMatchObject({ code: "unreachable" });
    expect(error.message).toContain("ECONNREFUSED");
  });

  it("reads a list to its end, and not for ever", async () => {
    const server = await scripted((request, response, url) => {
      const page = Number(url.searchParams.get("page") ?? 1);
      const next = `<http://${request.headers.host}${url.pathname}?page=${page + 1}>; rel="next"`;
      const item = {
        id: page,
        body: "",
        created_at: "2026-01-01T00:00:00Z",
        user: null,
        author: null,
        state: "x",
      };
      answer(response, 200, { "content-type": "application/json", link: next }, JSON.stringify([item]));
    });
    const { conversation } = openForge({ kind, host: server.host, token: "t" }).project("a/b");
    // Gitea's list of comments has no pages; its reviews have.
    const list = kind === "gitea" ? conversation.approvals(1) : conversation.comments(1);
    expect((await thrown(list)).message).toContain("more than 50 pages");
    expect(server.seen).toHaveLength(50);
  });
});

describe("the right that a token lacks", () => {
  it.each([
    [
      "gitea",
      {},
      "token does not have at least one of required scope(s): [write:issue]",
      "make one with write:issue",
    ],
    [
      "github",
      { "x-accepted-oauth-scopes": "repo, public_repo", "x-oauth-scopes": "gist" },
      "Not Found",
      "make one with repo or public_repo",
    ],
    [
      "github",
      { "x-github-sso": "required; url=https://github.com/orgs/o/sso?authorization_request=A" },
      "Resource protected by organization SAML enforcement.",
      "https://github.com/orgs/o/sso",
    ],
    ["github", {}, "Resource not accessible by integration", "permissions:"],
  ] as const)(
    "is named by a %s with the headers %j and the words %j",
    async (kind, headers, message, hint) => {
      const server = await scripted((_, response) => {
        answer(
          response,
          403,
          { "content-type": "application/json", ...headers },
          JSON.stringify({ message }),
        );
      });
      const forge = openForge({ kind, host: server.host, token: "a-token-of-mine" });
      const error = await thrown(forge.repository("a/b"));
      expect(error.code).toBe("forbidden");
      expect(error.hint).toContain(hint);
    },
  );
});

describe("what a forge is opened with", () => {
  it.each(["", "two words", "line\nbreak", "é"])("is no token: %j", (token) => {
    expect(() => openForge({ kind: "github", host: "github.com", token })).toThrow(/token/);
  });

  it.each(["", "https://github.com", "a/b", "me@host", "host?x", "ho st"])("is no host: %j", (host) => {
    expect(() => openForge({ kind: "github", host, token: "t" })).toThrow(/is no host/);
  });

  it("takes the host without regard to case", () => {
    expect(openForge({ kind: "github", host: "GitHub.com", token: "t" }).host).toBe("github.com");
  });
});

describe("requests to a forge that are shown", () => {
  it.each(kinds)("have no token of %s in them", async (kind) => {
    const server: ForgeServer = await startForgeServer({ kind });
    open.push(server);
    const token = server.addUser("robot", "all");
    const traced: TracedRequest[] = [];
    const network = { environment: {}, trace: (request: TracedRequest) => void traced.push(request) };
    await openForge({ kind, host: server.host, token, network }).user();
    expect(traced).not.toEqual([]);
    expect(traced[0]).toMatchObject({
      method: "GET",
      outcome: 200,
      url: expect.stringContaining(server.host),
    });
    expect(traced[0]?.sent.find(([name]) => name === "authorization")?.[1]).toMatch(/^\w* ?\[redacted\]$/);
    expect(JSON.stringify(traced)).not.toContain(token);
  });
});
