import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Forge, openForge } from "../../src/forge/index.ts";
import { authenticate, type Delivery, readDelivery } from "../../src/webhooks/index.ts";
import { describeWithGitea, type RealGitea, startGitea } from "../support/real-gitea.ts";

const secret = "a secret that only these two know";

/** What a real Gitea sends, signs and answers, which no stand-in of ours can prove. */
describeWithGitea("a real Gitea", () => {
  let gitea: RealGitea;
  let receiver: Server;
  let forge: Forge;
  const tokens: Record<string, string> = {};
  const deliveries: (Delivery & { readonly isForm: boolean })[] = [];
  const failures: unknown[] = [];
  let arrived = () => {};

  /** Waits until a delivery is there that is as it should be. */
  const delivered = async (fits: (delivery: Delivery & { isForm: boolean }) => boolean) => {
    for (;;) {
      const found = deliveries.find(fits);
      if (found !== undefined) return found;
      if (failures.length > 0) throw new Error(JSON.stringify(failures));
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  const ask = (who: string, method: string, path: string, body?: object) =>
    gitea.ask(tokens[who] ?? "", method, path, body);

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks);
        const headers = new Headers(request.headers as Record<string, string>);
        const source = { name: "gitea", secrets: ["before", secret] };
        const admitted = authenticate({ headers }, source, Date.now());
        const refused = "code" in admitted ? admitted : admitted.verify(body);
        const read = "code" in admitted ? admitted : readDelivery({ headers }, body, admitted, source);
        if (refused !== undefined || "code" in read) failures.push(refused ?? read);
        else deliveries.push({ ...read, isForm: headers.get("content-type")?.includes("form") ?? false });
        response.writeHead(refused === undefined ? 202 : 401).end();
        arrived();
      });
    }).listen(0, "127.0.0.1");
    await once(receiver, "listening");
    gitea = await startGitea();
    for (const name of ["robot", "ann", "eve"]) tokens[name] = await gitea.addUser(name);
    forge = openForge({ kind: "gitea", host: gitea.host, token: tokens.robot });
    await ask("robot", "POST", "/orgs", { username: "team" });
    await ask("robot", "POST", "/orgs/team/repos", {
      name: "images",
      default_branch: "main",
      auto_init: true,
    });
    await ask("robot", "PUT", "/repos/team/images/collaborators/ann", { permission: "write" });
    const events = ["push", "create", "delete", "pull_request", "issue_comment", "pull_request_comment"];
    for (const type of ["json", "form"]) {
      await ask("robot", "POST", "/repos/team/images/hooks", {
        ...{ type: "gitea", active: true, events },
        config: {
          url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
          ...{ content_type: type, secret },
        },
      });
    }
  }, 120_000);
  afterAll(async () => {
    await gitea?.close();
    receiver.closeAllConnections();
    receiver.close();
  });

  const content = Buffer.from("hello\n").toString("base64");

  test("signs what it sends, in both forms", async () => {
    await ask("ann", "POST", "/repos/team/images/contents/ann.txt", { content, new_branch: "ann-1" });
    for (const isForm of [false, true]) {
      const push = await delivered((one) => one.event === "push" && one.isForm === isForm);
      expect(push).toMatchObject({
        ...{
          sender: "gitea",
          source: "gitea",
          refs: ["refs/heads/ann-1"],
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        },
        repositoryUrls: expect.arrayContaining([`${gitea.url}/team/images.git`]),
      });
    }
    await ask("ann", "POST", "/repos/team/images/tags", { tag_name: "v1.0", target: "main" });
    expect(
      await delivered((one) => one.event === "create" && one.refs.includes("refs/tags/v1.0")),
    ).toBeDefined();
  });

  test("tells of a pull request and of new comments, by what can be found again", async () => {
    await ask("ann", "POST", "/repos/team/images/pulls", { title: "A change", head: "ann-1", base: "main" });
    expect(await delivered((one) => one.pull === 1)).toMatchObject({ event: "pull_request" });
    const made = (await ask("eve", "POST", "/repos/team/images/issues/1/comments", {
      body: "/test all",
    })) as {
      id: number;
    };
    const told = await delivered((one) => one.comment !== undefined);
    expect(told).toMatchObject({ pull: 1, comment: { id: String(made.id) } });
    const project = forge.project("team/images");
    const [comment] = await project.conversation.comments(1);
    expect(comment).toMatchObject({ id: told.comment?.id, author: "eve", isEdited: false, isByBot: false });
    const before = deliveries.length;
    await ask("eve", "PATCH", `/repos/team/images/issues/comments/${made.id}`, { body: "/approve" });
    await ask("eve", "POST", "/repos/team/images/issues/1/comments", { body: "second" });
    await delivered((one) => one.comment !== undefined && one.comment.id !== String(made.id));
    expect(deliveries.slice(before).filter((one) => one.comment?.id === String(made.id))).toEqual([]);
  });

  test("knows who may do what", async () => {
    const project = forge.project("team/images");
    expect(await project.permission("ann")).toBe("write");
    expect(await project.permission("robot")).toBe("admin");
    expect(await project.permission("nobody")).toBe("none");
    expect(["none", "read"]).toContain(await project.permission("eve"));
    expect(await forge.isMember("robot", "team")).toBe(true);
    expect(await forge.isMember("eve", "team")).toBe(false);
    expect(await forge.isMember("robot", "team/Owners")).toBe(true);
    expect(await forge.isMember("eve", "team/Owners")).toBe(false);
    // A team that is not there looks as one that is hidden.
    expect(await forge.isMember("robot", "team/none")).toBeUndefined();
    const asAnn = openForge({ kind: "gitea", host: gitea.host, token: tokens.ann });
    await expect(asAnn.project("team/images").permission("eve")).rejects.toMatchObject({ code: "forbidden" });
    expect(await asAnn.isMember("eve", "team")).toBeUndefined();
    expect(await asAnn.isMember("eve", "team/Owners")).toBeUndefined();
    expect(await asAnn.isMember("eve", "ann")).toBe(false);
  });
});
