import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, type DemoImage } from "../../src/demo/image.ts";
import { isIndexType } from "../../src/oci/index.ts";
import { answer, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";
import { runWith } from "./captured.ts";

const password = "correct-horse-battery";
const secrets = {
  basic: Buffer.from(`ann:${password}`).toString("base64"),
  password,
  token: "aToken0fThirtyLettersAndDigits99",
  session: "session-of-ann",
  signature: "AKIA9999EXAMPLEsignature0fAnObject",
  echoed: "echo-1",
};

/** A registry that sends secrets in all places where registries do. */
describe("requests that are shown", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let image: DemoImage;
  let storage: ScriptedServer;
  let registry: ScriptedServer;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = await temporaryFolder("trace");
    image = await buildImage("app", "v1");
    storage = await startScriptedServer((_, response, url) => {
      const blob = image.blobs.find(({ descriptor }) => url.pathname.includes(descriptor.digest));
      const signed = url.searchParams.get("X-Amz-Signature") === secrets.signature;
      if (blob === undefined || !signed) return answer(response, 403);
      answer(response, 200, { "x-amz-security-token": secrets.session }, blob.bytes);
    });
    registry = await startScriptedServer((request, response, url) => {
      const { authorization } = request.headers;
      if (url.pathname === "/token") {
        if (authorization !== `Basic ${secrets.basic}`) return answer(response, 401);
        return answer(response, 200, {}, JSON.stringify({ token: secrets.token }));
      }
      if (authorization !== `Bearer ${secrets.token}`) {
        const realm = `http://${request.headers.host}/token?key=${secrets.echoed}`;
        return answer(response, 401, {
          "www-authenticate": `Bearer realm="${realm}",service="a registry",scope="repository:app:pull"`,
        });
      }
      const cookie = { "set-cookie": `sid=${secrets.session}`, "x-your-token": secrets.token };
      if (url.pathname.includes("/blobs/")) {
        const digest = url.pathname.split("/").at(-1);
        const location = `${storage.origin}/${digest}?X-Amz-Signature=${secrets.signature}&n=1`;
        return answer(response, 307, { location, server: `echo ${secrets.token}`, ...cookie });
      }
      const wanted = url.pathname.split("/").at(-1);
      const found = [...image.children, image.root].find(
        ({ descriptor }) =>
          descriptor.digest === wanted || (wanted === "v1" && isIndexType(descriptor.mediaType)),
      );
      if (found === undefined) return answer(response, 404);
      answer(response, 200, { "content-type": found.descriptor.mediaType, ...cookie }, found.bytes);
    });
    await mkdir(join(folder.path, "docker"));
    const auths = { [registry.host]: { auth: secrets.basic } };
    await writeFile(join(folder.path, "docker", "config.json"), JSON.stringify({ auths }));
    env = { HOME: folder.path, DOCKER_CONFIG: join(folder.path, "docker") };
  });
  afterAll(async () => {
    await Promise.all([registry.close(), storage.close()]);
    await folder.remove();
  });

  const inspect = (...options: string[]) =>
    runWith(env, "inspect", `${registry.host}/app:v1`, "--no-tags", "--platform", "linux/amd64", ...options);

  test("have method, address, status and time with --verbose", async () => {
    const { status, stderr } = await inspect("--verbose");
    expect(status).toBe(0);
    const lines = stderr
      .trim()
      .split("\n")
      .map((line) => line.replace(/\d+ ms$/, "N ms"));
    const { digest } = image.root.descriptor;
    expect(digest).toMatch(/^sha256:/);
    expect(lines).toContain(`401 GET ${registry.origin}/v2/app/manifests/v1 N ms`);
    expect(lines).toContain(
      `200 GET ${registry.origin}/token?key=…&service=a+registry&scope=repository%3Aapp%3Apull N ms`,
    );
    expect(lines).toContain(`200 GET ${registry.origin}/v2/app/manifests/v1 N ms`);
    expect(lines.some((line) => /^307 GET .*\/v2\/app\/blobs\/sha256:[0-9a-f]{64} N ms$/.test(line))).toBe(
      true,
    );
    expect(lines.some((line) => /^200 GET .*\?X-Amz-Signature=…&n=1 N ms$/.test(line))).toBe(true);
  });

  test("have their headers with --trace, and what is secret is not there", async () => {
    const { status, stdout, stderr } = await inspect("--trace");
    expect(status).toBe(0);
    expect(stderr).toContain("\n  > authorization: Basic [redacted]\n");
    expect(stderr).toContain("\n  > authorization: Bearer [redacted]\n");
    expect(stderr).toContain("\n  < set-cookie: [redacted]\n");
    expect(stderr).toContain("\n  < x-your-token: [redacted]\n");
    expect(stderr).toContain("\n  < server: echo [redacted]\n");
    expect(stderr).toMatch(/\n {2}< location: http:\S+\?X-Amz-Signature=…&n=1\n/);
    expect(stderr).toContain('\n  < www-authenticate: Bearer realm="');
    expect(stderr).toContain(`\n  < content-type: ${image.root.descriptor.mediaType}\n`);
    for (const secret of Object.values(secrets)) expect(stdout + stderr).not.toContain(secret);
  });

  test("that get no answer say what became of them", async () => {
    const { status, stderr } = await runWith(env, "inspect", "127.0.0.1:1/app:v1", "--verbose");
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^unreachable ECONNREFUSED GET http:\/\/127\.0\.0\.1:1\/v2\/app\/manifests\/v1 \d+ ms$/m,
    );
  });

  test("are not shown to those who do not ask for them, nor when it is quiet", async () => {
    expect((await inspect()).stderr).not.toContain("/v2/");
    const { status, stderr } = await inspect("--quiet", "--trace");
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("--quiet") });
  });
});
