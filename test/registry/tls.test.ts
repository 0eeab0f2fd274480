import { readFile, writeFile } from "node:fs/promises";
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { failureRecord, messageOf } from "../../src/errors/index.ts";
import { mediaTypes, parseTag } from "../../src/oci/index.ts";
import type { HostSettings } from "../../src/settings/index.ts";
import { type Authority, makeAuthority } from "../support/certificates.ts";
import { hasProgram, testWith } from "../support/programs.ts";
import { clientOf } from "../support/registry-client.ts";
import { answer, startScriptedServer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

const real = testWith("openssl");
const v1 = parseTag("v1");
const index = Buffer.from(`{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[]}`);
const closing: (() => Promise<unknown>)[] = [];
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ours: Authority;
let theirs: Authority;

beforeAll(async () => {
  folder = await temporaryFolder("tls");
  if (!hasProgram("openssl")) return;
  ours = await makeAuthority(join(folder.path, "ours"));
  theirs = await makeAuthority(join(folder.path, "theirs"));
});
afterAll(() => folder.remove());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** A server with a certificate of the authority, which tells the names of the certificates that clients show it. */
async function serve(authority: Authority, listener: Listener) {
  const shown: (string | undefined)[] = [];
  const { cert, key } = await authority.issue("server");
  const server: Server = createServer(
    { cert: await readFile(cert), key: await readFile(key), requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      shown.push(subject === undefined ? undefined : String(subject.CN));
      listener(request, response);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const onConnection = (listener: () => void): void => void server.on("connection", listener);
  return { host, origin: `https://${host}`, shown, onConnection };
}

const image: Listener = (_, response) =>
  answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);

async function fetch(host: string, settings: HostSettings, environment = {}): Promise<unknown> {
  const client = clientOf(host, { settings: { retries: 0, ...settings }, environment });
  closing.push(client.close);
  return client
    .repository()
    .fetch(v1)
    .then(
      () => "fetched",
      (error: unknown) => error,
    );
}

describe("security point 13: certificates are checked", () => {
  real("and an unknown authority is refused, with what to do about it", async () => {
    const server = await serve(ours, image);
    expect(await fetch(server.host, { http: false })).toMatchObject({
      code: "tls",
      message: expect.stringContaining("authority that is not trusted"),
      hint: expect.stringContaining("tls: ca"),
    });
    expect(await fetch(server.host, { tls: { ca: theirs.ca } })).toMatchObject({ code: "tls" });
    expect(server.shown).toEqual([]);
  });

  real("against the authority of the settings beside the system's", async () => {
    const server = await serve(ours, image);
    expect(await fetch(server.host, { tls: { ca: ours.ca } })).toBe("fetched");
    expect(server.shown).toEqual([undefined]);
  });

  real("except for a host of which the settings say so, and not for where that sends us", async () => {
    const elsewhere = await serve(theirs, image);
    const server = await serve(ours, image);
    const sending = await serve(ours, (_, response) => answer(response, 307, { location: elsewhere.origin }));
    expect(await fetch(server.host, { tls: { insecure: true } })).toBe("fetched");
    expect(await fetch(sending.host, { tls: { insecure: true } })).toMatchObject({ code: "tls" });
    expect(elsewhere.shown).toEqual([]);
  });

  real("of another host by the registry's authority, too, but our own certificate stays here", async () => {
    const storage = await serve(ours, image);
    const server = await serve(ours, (_, response) => answer(response, 307, { location: storage.origin }));
    const client = await ours.issue("a-client");
    expect(await fetch(server.host, { tls: { ca: ours.ca, ...client } })).toBe("fetched");
    expect(server.shown).toEqual(["a-client"]);
    expect(storage.shown).toEqual([undefined]);
  });

  real("and no redirect leads from HTTPS to plain HTTP", async () => {
    const plain = await startScriptedServer(image);
    closing.push(plain.close);
    const server = await serve(ours, (_, response) => answer(response, 307, { location: plain.origin }));
    expect(await fetch(server.host, { tls: { ca: ours.ca } })).toMatchObject({ code: "unsafe-redirect" });
    expect(plain.seen).toEqual([]);
  });
});

/** A proxy that opens tunnels to one place, whatever it is asked for. */
async function serveProxy(target: string, password?: string) {
  const asked: string[] = [];
  const proxy = createPlainServer((_, response) => answer(response, 405));
  proxy.on("connect", (request, socket: Socket) => {
    asked.push(request.url ?? "");
    socket.on("error", () => {});
    const basic = `Basic ${Buffer.from(password ?? "").toString("base64")}`;
    if (password !== undefined && request.headers["proxy-authorization"] !== basic) {
      return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    }
    const [host, port] = target.split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });
  return { host: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

describe("a proxy", () => {
  real("tunnels HTTPS, and certificates are checked through it", async () => {
    const server = await serve(ours, image);
    const proxy = await serveProxy(server.host, "me:secret");
    const through = (settings: HostSettings, userinfo = "me:secret@") =>
      fetch("registry.test:8443", settings, { HTTPS_PROXY: `http://${userinfo}${proxy.host}` });
    expect(await through({ tls: { ca: ours.ca } })).toMatchObject({ code: "tls" });
    expect(await through({ tls: { insecure: true } })).toBe("fetched");
    expect(proxy.asked).toEqual(Array(2).fill("registry.test:8443"));
    const refused = await through({ tls: { insecure: true } }, "");
    expect(refused).toMatchObject({ code: "unreachable", message: expect.stringContaining("proxy") });
  });

  real("that is not there, or is none, fails without its password being shown", async () => {
    for (const url of [
      "http://me:s3cret@127.0.0.1:1",
      "socks5://me:s3cret@127.0.0.1:1",
      "http://me:s3cret@[",
    ]) {
      const failure = await fetch("registry.test", {}, { HTTPS_PROXY: url });
      expect(failure).toMatchObject({ code: "unreachable" });
      const shown = `${messageOf(failure)} ${JSON.stringify(failure)} ${inspect(failure)}`;
      expect(shown).not.toContain("s3cret");
    }
  });
});

describe("TLS that cannot work", () => {
  real("is told apart from a server that is not there", async () => {
    const plain = await startScriptedServer(image);
    closing.push(plain.close);
    expect(await fetch(plain.host, { http: false })).toMatchObject({
      code: "tls",
      hint: expect.stringContaining("http: true"),
    });
  });

  real("is found out with one connection for all who ask, and told alike", async () => {
    const server = await serve(ours, image);
    let connections = 0;
    server.onConnection(() => {
      connections += 1;
    });
    const client = clientOf(server.host, { settings: { http: false }, timing: { firstBackoff: 60_000 } });
    closing.push(client.close);
    const paths = Array.from({ length: 20 }, (_, number) => `team/app-${number}`);
    const ends = await Promise.allSettled(paths.map((path) => client.repository(path).fetch(v1)));
    const records = ends.map((end) => end.status === "rejected" && failureRecord(end.reason));
    const [{ where, repository, ...record } = {}] = records.map((found) => found || undefined);
    expect(record).toMatchObject({ code: "tls", host: server.host });
    const placed = paths.map((path) => ({
      where: `${server.host}/${path}:v1`,
      repository: `${server.host}/${path}`,
    }));
    expect(records).toEqual(placed.map((place) => ({ ...record, ...place })));
    expect(connections).toBe(1);
  });

  real("is known from a server that speaks plain HTTP and waits for more, at once", async () => {
    // What a server does that reads a line at a time.
    const patient = createNetServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (bytes) => {
        if (bytes.toString("latin1").startsWith("GET ")) socket.end("HTTP/1.1 200 OK\r\n\r\n");
      });
    });
    await new Promise<void>((resolve) => patient.listen(0, "127.0.0.1", resolve));
    closing.push(async () => void patient.close());
    const host = `127.0.0.1:${(patient.address() as AddressInfo).port}`;
    expect(await fetch(host, { http: false })).toMatchObject({
      ...{ code: "tls", host, message: expect.stringContaining("plain HTTP") },
      hint: `if that is meant so, say it in waybill.yaml: hosts: ${host}: http: true`,
    });
  });

  const wanting = { code: "tls", hint: expect.stringContaining("http: false") };

  real("is known from a server that wants it and is spoken to in plain HTTP", async () => {
    const server = await serve(ours, image);
    expect(await fetch(server.host, { http: true })).toMatchObject({ ...wanting, host: server.host });
    expect(await fetch(server.host, {})).toMatchObject({ ...wanting, host: server.host });
  });

  real("is known so, too, when the server says it in plain HTTP, as Go's does", async () => {
    const secure = await serve(ours, image);
    const server = createNetServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (bytes) => {
        if (bytes[0] !== 0x16) {
          return void socket.end(
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
          );
        }
        const [hostname, port] = secure.host.split(":");
        const onward = connect(Number(port), hostname);
        onward.on("error", () => socket.destroy());
        onward.write(bytes);
        onward.pipe(socket).pipe(onward);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(async () => void server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await fetch(host, { http: true })).toMatchObject({ ...wanting, host });
  });

  real("because of the settings is said with their files", async () => {
    const server = await serve(ours, image);
    const junk = join(folder.path, "junk.pem");
    await writeFile(junk, "no certificate");
    const one = await ours.issue("one");
    const other = await ours.issue("other");
    const missing = join(folder.path, "missing.pem");
    const cases: [HostSettings["tls"], string, string][] = [
      [{ ca: missing }, missing, "cannot be read"],
      [{ ca: junk }, junk, "not PEM"],
      [{ ca: ours.ca, cert: one.cert, key: other.key }, one.cert, "cannot be used"],
    ];
    for (const [tls, file, message] of cases) {
      expect(await fetch(server.host, { ...(tls === undefined ? {} : { tls }) })).toMatchObject({
        code: "tls",
        where: expect.stringContaining(file),
        message: expect.stringContaining(message),
      });
    }
  });
});
