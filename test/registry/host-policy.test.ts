import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { isTransientStatus, readRetryAfter, waitBefore } from "../../src/http/failure/backoff.ts";
import { defaultTiming } from "../../src/http/timing.ts";
import { digestOf, mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import { openRegistries, type RegistryEvent, type Repository } from "../../src/registry/index.ts";
import { defaultSettings, type HostSettings } from "../../src/settings/index.ts";
import { clientOf } from "../support/registry-client.ts";
import { afterBody, answer, type Script, type ScriptedServer, serve } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const bytes = Buffer.from("a blob");
const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };
const index = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }),
);

function repositoryOn(server: ScriptedServer, settings: HostSettings = {}, environment = {}) {
  const events: RegistryEvent[] = [];
  const registries = openRegistries({
    settings: { ...defaultSettings, hosts: { [server.host]: settings } },
    credentials: { lookup: async () => undefined },
    environment,
    listener: (event) => events.push(event),
  });
  onTestFinished(registries.close);
  const repository: Repository = registries.repository(parseRepository(`${server.host}/team/app`));
  return { repository, registries, retries: () => events.filter((event) => event.type === "retry") };
}

/** Fails so often, in this way, and serves an index after that. */
function failing(times: number, fail: Script): Script {
  let left = times;
  return (request, response, url) => {
    left -= 1;
    if (left >= 0) return fail(request, response, url);
    answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);
  };
}

describe("a request that fails", () => {
  it.each([408, 429, 500, 502, 503, 504])("is tried again after %i", async (status) => {
    const server = await serve(failing(2, (_, response) => answer(response, status, { "retry-after": "0" })));
    const { repository, retries } = repositoryOn(server);
    expect((await repository.fetch(v1))?.bytes).toEqual(index);
    expect(retries()).toMatchObject([
      { attempt: 1, waitMilliseconds: 0, reason: `status ${status}` },
      { attempt: 2, waitMilliseconds: 0, reason: `status ${status}` },
    ]);
  });

  it.each([400, 403, 404, 501])("is not tried again after %i", async (status) => {
    const server = await serve((_, response) => answer(response, status));
    const { repository, retries } = repositoryOn(server);
    await repository.fetch(v1).catch(() => undefined);
    expect(server.seen.filter(({ url }) => url.endsWith("/manifests/v1"))).toHaveLength(1);
    expect(retries()).toEqual([]);
  });

  it("is tried again when the connection breaks", async () => {
    const script = failing(1, (request) => request.socket.destroy());
    const server = await serve((request, response, url) =>
      request.method === "HEAD" ? answer(response, 404) : script(request, response, url),
    );
    const { repository, retries } = repositoryOn(server);
    expect(await repository.resolve(v1, { mode: "glance" })).toBeUndefined();
    expect((await repository.fetch(v1))?.bytes).toEqual(index);
    expect(retries()).toMatchObject([{ reason: expect.stringContaining("cannot be reached") }]);
  });

  it("is given up after so many tries as the settings allow", async () => {
    const server = await serve((_, response) => answer(response, 503, { "retry-after": "0" }));
    const { repository } = repositoryOn(server, { retries: 2 });
    await expect(repository.fetch(v1)).rejects.toMatchObject({ code: "server-error" });
    expect(server.seen).toHaveLength(3);
  });

  it("is given up at once when the registry wants us to wait too long", async () => {
    const tooLong = String(defaultTiming.maxRetryAfter / 1000 + 1);
    const server = await serve((_, response) => answer(response, 429, { "retry-after": tooLong }));
    await expect(repositoryOn(server).repository.fetch(v1)).rejects.toMatchObject({ code: "rate-limited" });
    expect(server.seen).toHaveLength(1);
  });

  it("makes all requests to the host wait, when the registry says for how long", async () => {
    const server = await serve(failing(1, (_, response) => answer(response, 429, { "retry-after": "1" })));
    const { repository } = repositoryOn(server, { concurrency: 1 });
    const answers = await Promise.all([repository.fetch(v1), repository.fetch(v1), repository.fetch(v1)]);
    expect(answers.map((document) => document?.bytes)).toEqual([index, index, index]);
    expect(server.seen).toHaveLength(4);
  });
});

describe("a request that is refused", () => {
  it("is no failed attempt, when the registry says how long to wait", async () => {
    const server = await serve(failing(3, (_, response) => answer(response, 429, { "retry-after": "0" })));
    const { repository, retries } = repositoryOn(server, { retries: 0 });
    expect((await repository.fetch(v1))?.bytes).toEqual(index);
    expect(retries()).toHaveLength(3);
  });

  it("is no failed attempt, when it does not, until there is no more hope", async () => {
    const script = (_: unknown, response: ServerResponse) => answer(response, 429);
    const server = await serve(failing(3, script));
    const patient = clientOf(server.host, { settings: { retries: 0 } });
    onTestFinished(patient.close);
    expect((await patient.repository().fetch(v1))?.bytes).toEqual(index);
    const other = await serve(script);
    const hopeless = clientOf(other.host, { settings: { retries: 2 }, timing: { maxRefusal: 0 } });
    onTestFinished(hopeless.close);
    await expect(hopeless.repository().fetch(v1)).rejects.toMatchObject({ code: "rate-limited" });
    expect(other.seen).toHaveLength(3);
  });

  it("waits until a time that is told by the registry's own clock", async () => {
    const date = new Date(Date.now() - 3_600_000);
    const until = `${Math.floor(date.getTime() / 1000)}`;
    const headers = { date: date.toUTCString(), "retry-after": until };
    const server = await serve(failing(1, (_, response) => answer(response, 429, headers)));
    const ahead = { date: new Date(Date.now() + 3_600_000).toUTCString() };
    const other = await serve(
      failing(1, (_, response) => answer(response, 429, { ...ahead, "retry-after": ahead.date })),
    );
    for (const { host } of [server, other]) {
      const client = clientOf(host);
      onTestFinished(client.close);
      expect((await client.repository().fetch(v1))?.bytes).toEqual(index);
    }
  });

  it("is given up when all its time is over", async () => {
    const server = await serve((_, response) => answer(response, 429, { "retry-after": "1" }));
    const client = clientOf(server.host, { timing: { deadline: 500 } });
    onTestFinished(client.close);
    await expect(client.repository().fetch(v1)).rejects.toMatchObject({ code: "rate-limited" });
    expect(server.seen).toHaveLength(1);
  });

  it("is given up at once when a quota of hours is used up", async () => {
    const headers = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600" };
    const server = await serve(failing(1, (_, response) => answer(response, 429, headers)));
    const client = clientOf(server.host);
    onTestFinished(client.close);
    await expect(client.repository().fetch(v1)).rejects.toMatchObject({ code: "rate-limited" });
    expect((await client.repository().fetch(v1))?.bytes).toEqual(index);
    expect(client.pauses()).toEqual([]);
  });

  it.each([429, 503])("makes everybody wait for its host, which is told once (%i)", async (status) => {
    const times: number[] = [];
    const refuse = failing(5, (_, response) => answer(response, status, { "retry-after": "1" }));
    const server = await serve((request, response, url) => {
      if (request.method === "HEAD") return answer(response, 404);
      times.push(performance.now());
      refuse(request, response, url);
    });
    const client = clientOf(server.host);
    onTestFinished(client.close);
    expect(await client.repository().resolve(v1, { mode: "glance" })).toBeUndefined();
    await Promise.all(Array.from({ length: 5 }, () => client.repository().fetch(v1)));
    const [first = 0, ...others] = times;
    expect(others.filter((time) => time > first + 200).every((time) => time > first + 900)).toBe(true);
    expect(times).toHaveLength(10);
    expect(client.pauses()).toEqual([
      {
        ...{ type: "waiting", host: server.host, milliseconds: 1000, reason: `status ${status}` },
        requestsPerSecond: status === 429 ? expect.any(Number) : undefined,
      },
    ]);
  });

  it("is not waited for longer than anybody would want", async () => {
    const tooLong = String(defaultTiming.maxRetryAfter / 1000 + 1);
    const server = await serve(
      failing(1, (_, response) => answer(response, 503, { "retry-after": tooLong })),
    );
    const client = clientOf(server.host);
    onTestFinished(client.close);
    await expect(client.repository().fetch(v1)).rejects.toMatchObject({ code: "server-error" });
    expect((await client.repository().fetch(v1))?.bytes).toEqual(index);
    expect(client.pauses()).toEqual([]);
  });
});

describe("an upload that fails", () => {
  it("begins again with its content opened anew", async () => {
    let puts = 0;
    const server = await serve((request, response) => {
      if (request.method === "POST")
        return answer(response, 202, { location: `/v2/team/app/blobs/uploads/${puts}` });
      if (request.method === "DELETE") return answer(response, 204);
      if (request.method === "HEAD") return answer(response, 404);
      puts += 1;
      if (puts === 1) return void request.socket.destroy();
      afterBody(request, (body) => answer(response, puts === 2 ? 503 : body.equals(bytes) ? 201 : 400));
    });
    let opened = 0;
    const content = async () => {
      opened += 1;
      return Readable.from([bytes]);
    };
    expect(await repositoryOn(server).repository.push(blob, content)).toBe("pushed");
    expect(opened).toBe(3);
  });

  it("takes a Location behind a proxy that mistakes its scheme for its own", async () => {
    const server = await serve((request, response) => {
      const host = request.headers.host;
      if (request.method === "POST")
        return answer(response, 202, { location: `https://${host}/v2/upload?state=1` });
      afterBody(request, () => answer(response, 201));
    });
    await repositoryOn(server).repository.push(blob, async () => Readable.from([bytes]));
    expect(server.seen.at(-1)?.url).toBe(`/v2/upload?state=1&digest=${encodeURIComponent(blob.digest)}`);
  });

  it("goes without a mount that is not allowed", async () => {
    const server = await serve((request, response, url) => {
      if (url.searchParams.has("mount")) return answer(response, 403);
      if (request.method === "POST") return answer(response, 202, { location: "/v2/upload" });
      afterBody(request, () => answer(response, 201));
    });
    const { repository, registries } = repositoryOn(server);
    const mountFrom = registries.repository(parseRepository(`${server.host}/other`));
    expect(await repository.push(blob, async () => Readable.from([bytes]), { mountFrom })).toBe("pushed");
  });
});

describe("what registries answer differently", () => {
  it("resolves without Docker-Content-Digest, by reading the manifest", async () => {
    const server = await serve((_, response) =>
      answer(response, 200, { "content-type": mediaTypes.ociIndex }, index),
    );
    expect(await repositoryOn(server).repository.resolve(v1)).toEqual({
      mediaType: mediaTypes.ociIndex,
      digest: digestOf(index),
      size: index.length,
    });
    expect(server.seen.map(({ method }) => method)).toEqual(["HEAD", "GET"]);
  });

  it("follows pages, relative and absolute", async () => {
    const server = await serve((request, response, url) => {
      const last = url.searchParams.get("last");
      if (last === null)
        return answer(
          response,
          200,
          { link: '</v2/team/app/tags/list?last=a>; rel="next"' },
          '{"tags":["a"]}',
        );
      const next = `<http://${request.headers.host}/v2/team/app/tags/list?last=b>; rel="next"`;
      if (last === "a") return answer(response, 200, { link: next }, '{"tags":["b"]}');
      answer(response, 200, {}, '{"tags":["c"]}');
    });
    expect((await repositoryOn(server).repository.list())?.tags).toEqual(["a", "b", "c"]);
  });

  it("takes all manifests from a listing of Google's kind, and remembers that the host has them", async () => {
    const digest = digestOf(index);
    const listing = {
      child: ["sub"],
      tags: ["v1"],
      manifest: {
        [digest]: {
          tag: ["v1"],
          mediaType: mediaTypes.ociIndex,
          imageSizeBytes: "12",
          timeUploadedMs: "1700000000000",
        },
      },
    };
    const server = await serve((_, response) => answer(response, 200, {}, JSON.stringify(listing)));
    const { repository, registries } = repositoryOn(server);
    expect(repository.listsManifests).toBe(false);
    const listed = await repository.list();
    expect(listed?.children).toEqual(["sub"]);
    expect(listed?.manifests?.get(digest)).toEqual({
      tags: ["v1"],
      mediaType: mediaTypes.ociIndex,
      imageSize: 12,
      uploadedAt: new Date(1700000000000),
    });
    expect(registries.repository(parseRepository(`${server.host}/other`)).listsManifests).toBe(true);
  });

  it("goes through a proxy where the environment names one, and not where it says not to", async () => {
    const proxy = await serve((_, response) => answer(response, 404));
    const environment = { HTTP_PROXY: proxy.origin, NO_PROXY: "127.0.0.1,other.test" };
    const proxied = {
      host: "registry.test",
      origin: "http://registry.test",
      seen: [],
      close: async () => {},
    };
    expect(await repositoryOn(proxied, { http: true }, environment).repository.fetch(v1)).toBeUndefined();
    expect(proxy.seen.map(({ url }) => url)).toEqual(["http://registry.test/v2/team/app/manifests/v1"]);
    const server = await serve((_, response) => answer(response, 404));
    expect(await repositoryOn(server, { http: true }, environment).repository.fetch(v1)).toBeUndefined();
    expect(server.seen.map(({ url }) => url)).toEqual(["/v2/team/app/manifests/v1"]);
  });
});

describe("the limits of a host", () => {
  it("keeps requests to so many at a time", async () => {
    let inside = 0;
    let most = 0;
    const server = await serve((_, response) => {
      inside += 1;
      most = Math.max(most, inside);
      setTimeout(() => {
        inside -= 1;
        answer(response, 404);
      }, 5);
    });
    const { repository } = repositoryOn(server, { concurrency: 3 });
    await Promise.all(Array.from({ length: 20 }, () => repository.resolve(v1)));
    expect(most).toBe(3);
  });

  it("does not let uploads wait for downloads that wait for uploads", async () => {
    const server = await serve((request, response) => {
      if (request.method === "GET") return answer(response, 200, {}, bytes);
      if (request.method === "POST") return answer(response, 202, { location: "/v2/upload" });
      afterBody(request, () => answer(response, 201));
    });
    const { repository } = repositoryOn(server, { concurrency: 1 });
    const pushes = Array.from({ length: 10 }, () => repository.push(blob, () => repository.open(blob)));
    expect(await Promise.all(pushes)).toEqual(pushes.map(() => "pushed"));
  });

  it("copies on a host that takes one request at a time what no buffer holds", async () => {
    const large = Buffer.alloc(8 * 1024 * 1024, "large");
    const layer = { mediaType: mediaTypes.ociLayer, digest: digestOf(large), size: large.length };
    const server = await serve((request, response) => {
      if (request.method === "GET") return answer(response, 200, {}, large);
      if (request.method === "POST") return answer(response, 202, { location: "/v2/upload" });
      afterBody(request, (body) => answer(response, body.equals(large) ? 201 : 400));
    });
    const { repository } = repositoryOn(server, { concurrency: 1 });
    expect(await repository.push(layer, () => repository.open(layer))).toBe("pushed");
  });
});

describe("waiting", () => {
  it.each([
    ["3", 3000],
    ["0", 0],
    ["Wed, 21 Oct 2026 07:28:10 GMT", 10_000],
    ["Wed, 21 Oct 2020 07:28:00 GMT", 0],
    ["Wednesday, 21-Oct-26 07:28:10 GMT", 10_000],
    ["Wed Oct 21 07:28:10 2026", 10_000],
    ["2.5", 2500],
    [`${Date.parse("2026-10-21T07:28:04Z") / 1000}`, 4000],
    [`${Date.parse("2026-10-21T07:28:04Z") / 1000 + 0.5}`, 4500],
    [`${Date.parse("2026-10-21T07:28:04Z")}`, 4000],
    [`${Date.parse("2026-10-21T07:27:04Z") / 1000}`, 0],
    ["soon", undefined],
    ["-5", undefined],
    [undefined, undefined],
  ])("reads Retry-After: %s", (header, expected) => {
    expect(readRetryAfter(header, Date.parse("2026-10-21T07:28:00Z"))).toBe(expected);
  });

  it("backs off at random in the upper half of a bound that doubles, up to a limit", () => {
    const waits = [1, 2, 3, 99].map((attempt) => waitBefore(attempt, undefined, defaultTiming, 1));
    expect(waits).toEqual([1000, 2000, 4000, 30_000]);
    const least = [1, 2, 3, 4, 5].map((attempt) => waitBefore(attempt, undefined, defaultTiming, 0));
    expect(least).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(waitBefore(1, 7000, defaultTiming, 0.5)).toBe(7000);
    expect([200, 404, 501, 507].some(isTransientStatus)).toBe(false);
  });
});
