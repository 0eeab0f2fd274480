import { readFile } from "node:fs/promises";
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { openGoogleWire } from "../../src/builds/google-wire.ts";
import { openForge } from "../../src/forge/index.ts";
import type { Network, TlsFiles } from "../../src/http/index.ts";
import { type Authority, makeAuthority } from "../support/certificates.ts";
import { hasProgram, testWith } from "../support/programs.ts";
import { answer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

const real = testWith("openssl");
const closing: (() => Promise<unknown>)[] = [];
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ours: Authority;

beforeAll(async () => {
  folder = await temporaryFolder("ways");
  if (hasProgram("openssl")) ours = await makeAuthority(join(folder.path, "ours"));
});
afterAll(() => folder.remove());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server with a certificate of our own authority, for names that only a proxy finds. */
async function serveSecurely(listener: (request: IncomingMessage, response: ServerResponse) => void) {
  const { cert, key } = await ours.issue("server");
  return listen(createServer({ cert: await readFile(cert), key: await readFile(key) }, listener));
}

/** A proxy that opens tunnels to one place, for whoever knows its password. */
async function serveProxy(target: string, isSecure = false) {
  const asked: string[] = [];
  const refuse = (_: IncomingMessage, response: ServerResponse) => answer(response, 405);
  const { cert, key } = isSecure ? await ours.issue("proxy") : {};
  const proxy =
    cert === undefined || key === undefined
      ? createPlainServer(refuse)
      : createServer({ cert: await readFile(cert), key: await readFile(key) }, refuse);
  const expected = `Basic ${Buffer.from("me:secret").toString("base64")}`;
  proxy.on("connect", (request, socket: Socket) => {
    socket.on("error", () => {});
    if (request.headers["proxy-authorization"] !== expected) {
      return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    }
    asked.push(request.url ?? "");
    const [host, port] = target.split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  return { url: `${isSecure ? "https" : "http"}://me:secret@${await listen(proxy)}`, asked };
}

const json = (response: ServerResponse, value: unknown): void =>
  answer(response, 200, { "content-type": "application/json" }, JSON.stringify(value));

/** A forge, or Google, behind a proxy and with a certificate that nobody else trusts. */
async function behindProxy(listener: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = await serveSecurely(listener);
  const proxy = await serveProxy(server);
  const way = (url = proxy.url, tls: TlsFiles | undefined = { ca: ours.ca }) =>
    ({ environment: { HTTPS_PROXY: url }, tlsOf: () => tls }) satisfies Network;
  return { proxy, way };
}

describe("a forge behind a proxy, with a certificate of one's own authority", () => {
  const open = (network: Network) =>
    openForge({
      ...{ kind: "gitea", host: "forge.test", token: "s3cret", network },
      timing: { firstBackoff: 1 },
    });

  real("is reached as a registry is", async () => {
    const tokens: (string | undefined)[] = [];
    const { proxy, way } = await behindProxy((request, response) => {
      tokens.push(request.headers.authorization);
      json(response, { login: "robot" });
    });
    expect(await open(way()).user()).toBe("robot");
    expect(proxy.asked).toEqual(["forge.test:443"]);
    expect(tokens).toEqual(["token s3cret"]);
  });

  real(
    "is reached through a proxy of HTTPS, by the authority that the settings name for that alone",
    async () => {
      const server = await serveSecurely((_, response) => json(response, { login: "robot" }));
      const proxy = await serveProxy(server, true);
      const host = new URL(proxy.url).host;
      const trusting = (hosts: readonly string[]): Network => ({
        environment: { HTTPS_PROXY: proxy.url },
        tlsOf: (each) => (hosts.includes(each) ? { ca: ours.ca } : undefined),
      });
      expect(await open(trusting(["forge.test", host])).user()).toBe("robot");
      expect(proxy.asked).toEqual(["forge.test:443"]);
      await expect(open(trusting(["forge.test"])).user()).rejects.toMatchObject({ code: "unreachable" });
      await expect(open(trusting([host])).user()).rejects.toMatchObject({ code: "unreachable" });
    },
  );

  real("says what to do where it is not", async () => {
    const { way } = await behindProxy((_, response) => json(response, { login: "robot" }));
    const untrusting = { environment: { HTTPS_PROXY: (await serveProxy("127.0.0.1:1")).url } };
    for (const [network, hint] of [
      [way(undefined, {}), "hosts: forge.test: tls: ca"],
      [way("http://127.0.0.1:1"), "HTTPS_PROXY"],
      [way("socks5://127.0.0.1:1"), "http://host:port"],
      [untrusting, ""],
    ] as const) {
      await expect(open(network).user()).rejects.toMatchObject({
        code: "unreachable",
        hint: expect.stringContaining(hint),
      });
    }
  });
});

describe("Google behind a proxy, with a certificate of one's own authority", () => {
  const open = (network: Network) =>
    openGoogleWire({
      ...{ token: async () => "s3cret", signal: new AbortController().signal, network, firstWait: 1 },
      ...{ refused: "cloud-build-refused", unreachable: "cloud-build-unreachable" },
    });

  real("is reached as a registry is, with a stream of bytes, too", async () => {
    const bodies: string[] = [];
    const { proxy, way } = await behindProxy((request, response) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => {
        body += chunk;
      });
      request.on("end", () => {
        bodies.push(body);
        json(response, { name: "done" });
      });
    });
    const wire = open(way());
    const url = "https://google.test/v1/builds";
    const stream = () => Readable.from(["a stream"]);
    for (const body of [() => "text", stream]) {
      const { status, bytes } = await wire({ method: "POST", url, body, mayRepeat: false });
      expect([status, Buffer.from(bytes).toString()]).toEqual([200, '{"name":"done"}']);
    }
    expect(bodies).toEqual(["text", "a stream"]);
    expect(new Set(proxy.asked)).toEqual(new Set(["google.test:443"]));
  });

  real("is not sent a token where its certificate is not trusted, nor where it redirects", async () => {
    let requests = 0;
    const { way } = await behindProxy((_, response) => {
      requests += 1;
      answer(response, 302, { location: "https://google.test/elsewhere" });
    });
    const request = { method: "GET", url: "https://google.test/v1", mayRepeat: false } as const;
    await expect(open(way(undefined, {}))(request)).rejects.toMatchObject({
      code: "cloud-build-unreachable",
    });
    expect(requests).toBe(0);
    await expect(open(way())(request)).rejects.toMatchObject({ code: "cloud-build-refused" });
    expect(requests).toBe(1);
  });
});
