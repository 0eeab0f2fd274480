import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ask, errorCode, pushSample, startForTest, temporaryFolder } from "./client.ts";
import { image, randomBlob } from "./samples.ts";

/** Everything the server writes to a connection on which these bytes arrive. */
async function speak(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  let heard = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    heard += text;
  });
  socket.write(bytes);
  await once(socket, "close");
  return heard;
}

describe("requests that go too far", () => {
  test.each([
    ["what is no HTTP", "GIVE me everything\r\n\r\n", "400 Bad Request"],
    [
      "too many headers",
      `GET /v2/ HTTP/1.1\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
      "431 Request Header Fields Too Large",
    ],
  ])("%s is answered in the form of the specification", async (_what, bytes, status) => {
    const { url } = await startForTest();
    const heard = await speak(url, bytes);
    const [head, body] = heard.split("\r\n\r\n");
    expect(head).toContain(`HTTP/1.1 ${status}`);
    expect(head).toContain("Connection: close");
    expect(JSON.parse(String(body))).toMatchObject({ errors: [{ code: "UNSUPPORTED" }] });
  });

  test("a blob that announces too many bytes is refused before it is sent", async () => {
    const { url } = await startForTest();
    const path = `/v2/a/blobs/uploads/?digest=${randomBlob().digest}`;
    const sent = request(new URL(path, url), { method: "POST", headers: { "Content-Length": 2 ** 40 } });
    sent.on("error", () => undefined);
    sent.flushHeaders();
    const [response] = (await once(sent, "response")) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
    sent.destroy();
  });

  test.each([true, false])(
    "a refused request is answered though its body is coming (keep-alive: %s)",
    async (keepAlive) => {
      const { url } = await startForTest();
      const agent = new Agent({ keepAlive });
      const path = "/v2/a/blobs/uploads/0c5f1c2e-6d7c-4d1f-9b0a-2f5d9a7f0001";
      const sent = request(new URL(path, url), { method: "PATCH", agent });
      const sentAll = once(sent, "finish");
      sent.end(Buffer.alloc(8 * 1024 * 1024));
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      expect(response.statusCode).toBe(404);
      response.resume();
      await Promise.all([once(response, "end"), sentAll]);
      agent.destroy();
    },
  );

  test("a refused request cannot go on sending for ever", async () => {
    const { url } = await startForTest();
    const sent = request(new URL("/v2/a/blobs/uploads/none", url), {
      method: "PATCH",
      headers: { "Transfer-Encoding": "chunked" },
    });
    const ended = new Promise((resolve) => sent.once("close", resolve));
    sent.on("error", () => undefined);
    sent.on("response", (response) => response.resume());
    const piece = Buffer.alloc(1024 * 1024);
    const more = () => {
      if (!sent.destroyed) sent.write(piece, more);
    };
    more();
    await ended;
    expect(sent.destroyed).toBe(true);
  });

  test("who waits for leave to send a body gets an answer instead when it is not wanted", async () => {
    const { url } = await startForTest();
    for (const [path, wanted] of [
      ["/v2/a/blobs/uploads/0c5f1c2e-6d7c-4d1f-9b0a-2f5d9a7f0001", false],
      [`/v2/a/blobs/uploads/?digest=${randomBlob().digest}`, true],
    ] as const) {
      const sent = request(new URL(path, url), {
        method: wanted ? "POST" : "PATCH",
        headers: { Expect: "100-continue", "Content-Length": 4 },
      });
      let asked = false;
      sent.on("continue", () => {
        asked = true;
        sent.end("body");
      });
      sent.flushHeaders();
      const [response] = (await once(sent, "response")) as [{ statusCode: number; resume(): void }];
      response.resume();
      expect([asked, response.statusCode]).toEqual([wanted, wanted ? 400 : 404]);
      sent.destroy();
    }
  });

  test("paths that climb change nothing outside, and nothing inside", async () => {
    const parent = await temporaryFolder();
    const { url } = await startForTest({ dir: join(parent, "registry") });
    const blob = randomBlob();
    for (const path of [
      `/v2/../../escaped/blobs/uploads/?digest=${blob.digest}`,
      `/v2/a/../../../../escaped/blobs/uploads/?digest=${blob.digest}`,
      `/v2/%2e%2e%2f%2e%2e%2fescaped/blobs/uploads/?digest=${blob.digest}`,
      `/v2/_tags/blobs/uploads/?digest=${blob.digest}`,
      `/v2/a\\..\\..\\escaped/blobs/uploads/?digest=${blob.digest}`,
    ]) {
      const answer = await ask(url, "POST", path, { body: blob.bytes });
      expect([answer.status, errorCode(answer)]).toEqual([400, "NAME_INVALID"]);
    }
    expect(await readdir(parent)).toEqual(["registry"]);
    expect(await readdir(join(parent, "registry", "repositories"))).toEqual([]);
    expect((await ask(url, "POST", "/v2/a/blobs/uploads/?digest=sha256:../../../../escaped")).status).toBe(
      400,
    );
  });

  test("a file that somebody damaged is an error of the server, which tells no path", async () => {
    const { url, dir } = await startForTest();
    const sample = image();
    await pushSample(url, "a", sample, "latest");
    const [name] = await readdir(join(dir, "repositories/a/_manifests/sha256"));
    const path = join(dir, "repositories/a/_manifests/sha256", String(name));
    await writeFile(path, "not what it was\n");
    const answer = await ask(url, "GET", "/v2/a/manifests/latest");
    expect([answer.status, errorCode(answer)]).toEqual([500, "UNKNOWN"]);
    expect(answer.body.toString()).not.toContain(dir);
    expect((await ask(url, "GET", "/v2/")).status).toBe(200);
  });
});
