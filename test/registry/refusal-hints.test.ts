import { describe, expect, it, onTestFinished } from "vitest";
import type { FailureRecord } from "../../src/errors/index.ts";
import { failureRecord } from "../../src/errors/index.ts";
import { digestOf, mediaTypes, parseRepository } from "../../src/oci/index.ts";
import { openRegistries, type Repository } from "../../src/registry/index.ts";
import { defaultSettings, type HostSettings } from "../../src/settings/index.ts";
import { afterBody, answer, type Script, startScriptedServer } from "../support/scripted-server.ts";

const bytes = Buffer.from("a blob");
const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };

async function serve(script: Script, settings: HostSettings = { retries: 0 }) {
  const server = await startScriptedServer(script);
  onTestFinished(server.close);
  const registries = openRegistries({
    settings: { ...defaultSettings, hosts: { [server.host]: settings } },
    credentials: { lookup: async () => undefined },
    environment: {},
  });
  onTestFinished(registries.close);
  return { repository: registries.repository(parseRepository(`${server.host}/prod/app`)), server };
}

/** What comes of a request when everything is answered like this. */
async function failureOf(
  work: (repository: Repository) => Promise<unknown>,
  ...[status, body = "", headers = {}]: [number, string?, Record<string, string>?]
): Promise<FailureRecord> {
  const { repository } = await serve((request, response) =>
    afterBody(request, () => answer(response, status, headers, body)),
  );
  return work(repository).then(
    () => expect.fail("it did not fail"),
    (error: unknown) => failureRecord(error),
  );
}

const list = (repository: Repository) => repository.list();
const push = (repository: Repository) => repository.push(blob, async () => bytes, { inMemory: true });
const errors = (code: string, message: string) => JSON.stringify({ errors: [{ code, message }] });

describe("a refusal names what cures it", () => {
  it("a request that is too large: chunkSize", async () => {
    const failure = await failureOf(push, 413, "<html>413</html>");
    expect(failure).toMatchObject({
      code: "request-too-large",
      hint: expect.stringContaining("set chunkSize in waybill.yaml"),
    });
  });

  it("a chunk that is too large: a smaller one", async () => {
    const { repository } = await serve(
      (request, response) => afterBody(request, () => answer(response, 413)),
      {
        retries: 0,
        chunkBytes: 65_536,
      },
    );
    const failure = await push(repository).catch(failureRecord);
    expect(failure).toMatchObject({ hint: expect.stringContaining("is 65536 bytes: set a smaller one") });
  });

  it("a limit of hours: until when, as the registry says in any of its ways", async () => {
    const spent = errors("TOOMANYREQUESTS", "You have reached your pull rate limit.");
    const epoch = Math.ceil(Date.now() / 1000) + 7_200;
    const ways: Record<string, string>[] = [
      { "ratelimit-remaining": "0;w=21600" },
      { "retry-after": "7200" },
      { "ratelimit-reset": "7200" },
      { "x-ratelimit-reset": `${epoch}` },
      { ratelimit: '"default";r=0;t=7200' },
    ];
    for (const headers of ways) {
      const { message, hint } = await failureOf(list, 429, spent, headers);
      expect(message).toMatch(
        /used up \(429\), until \d{4}-\d\d-\d\d \d\d:\d\d UTC at the latest: TOOMANYREQUESTS You/,
      );
      expect(hint).toMatch(/^run again then; a login has a limit of its own: waybill login /);
    }
  });

  it("a repository that no push creates: what creates it", async () => {
    const amazon = errors(
      "NAME_UNKNOWN",
      "The repository with name 'prod/app' does not exist in the registry with id '123456789012'",
    );
    expect(await failureOf(push, 404, amazon)).toMatchObject({
      code: "repository-missing",
      hint: "create it: aws ecr create-repository --repository-name prod/app --registry-id 123456789012",
    });
    expect(await failureOf(push, 404, errors("NOT_FOUND", "project prod not found"))).toMatchObject({
      hint: "create the project prod in the registry",
    });
    expect(await failureOf(push, 404, errors("NAME_UNKNOWN", "no such name"))).toMatchObject({
      hint: "create it in the registry, by its own means",
    });
  });

  it("a repository that the next push creates is not called missing", async () => {
    const missing = async (body: string) => {
      const { repository } = await serve((_, response) => answer(response, 404, {}, body));
      expect(await repository.list()).toBeUndefined();
      return repository.missing;
    };
    expect(await missing(errors("NAME_UNKNOWN", "repository name not known to registry"))).toBeUndefined();
    expect(
      await missing(
        errors("NAME_UNKNOWN", "The repository with name 'a' does not exist in the registry with id '1'"),
      ),
    ).toMatchObject({ code: "repository-missing" });
  });

  it("an image manifest that the registry will not have: what would make it another one", async () => {
    const content = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
    );
    const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(content), size: content.length };
    const put = (repository: Repository) => repository.put({ descriptor, bytes: content });
    expect(await failureOf(put, 413)).toMatchObject({
      hint: expect.stringContaining("cannot be sent in parts"),
    });
    expect(await failureOf(put, 400)).toMatchObject({ hint: expect.stringContaining("does not say why") });
    expect(await failureOf(put, 400, errors("TAG_INVALID", "no"))).toMatchObject({
      code: "manifest-refused",
    });
    expect(await failureOf(put, 404, errors("NAME_UNKNOWN", "no"))).toMatchObject({
      code: "repository-missing",
    });
  });

  it("no right: whom to ask, and what the registry says whatever its form", async () => {
    const failure = await failureOf(
      list,
      403,
      JSON.stringify({ message: "denied: read-only while it is migrated" }),
    );
    expect(failure.message).toBe("listing tags: this is not allowed: denied: read-only while it is migrated");
    expect(failure.hint).toMatch(
      /^there are no credentials for this repository: log in, for example with: waybill login /,
    );
  });

  it("a HEAD that is refused: the reason that GET has, or an answer where the method alone is refused", async () => {
    const head =
      (status: number, body: string): Script =>
      (request, response) =>
        request.method === "HEAD" ? answer(response, 403) : answer(response, status, {}, body);
    const closed = await serve(head(403, JSON.stringify({ details: "the plan is over" })));
    for (const work of [() => closed.repository.has(blob), () => closed.repository.resolve(blob.digest)]) {
      await expect(work()).rejects.toMatchObject({
        code: "denied",
        message: expect.stringContaining("the plan is over"),
      });
    }
    const filtered = await serve(head(404, errors("BLOB_UNKNOWN", "no")));
    expect(await filtered.repository.has(blob)).toBe(false);
    expect(await filtered.repository.has({ ...blob, digest: digestOf(Buffer.from("b")) })).toBe(false);
    expect(filtered.server.seen.map(({ method }) => method)).toEqual(["HEAD", "GET", "GET"]);
  });

  it("every refusal has a hint, and none is to run again and nothing else", async () => {
    for (const status of [
      302, 400, 401, 402, 403, 405, 408, 409, 410, 413, 418, 429, 451, 500, 501, 502, 503, 507,
    ]) {
      for (const work of [list, push]) {
        const { hint } = await failureOf(work, status, "", { "retry-after": "7200" });
        expect(hint, `${status}`).toBeDefined();
        expect(hint, `${status}`).not.toMatch(/^run again(?: later)?(?:$|[:,;])/);
      }
    }
  });
});
