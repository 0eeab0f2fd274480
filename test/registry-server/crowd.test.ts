import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { clientAt, openConnections } from "../../src/registry-server/connections.ts";
import { atLeastRate } from "../../src/registry-server/patience.ts";
import { makeAuthority } from "../support/certificates.ts";
import { testWith } from "../support/programs.ts";
import { ask, startForTest, temporaryFolder } from "./client.ts";

async function connected(url: string, bytes: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  socket.write(bytes);
  return socket;
}

test("more half-sent bodies than there may be connections keep nobody out", async () => {
  const { url } = await startForTest();
  const half = "PUT /v2/a/manifests/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{";
  for (let batch = 0; batch < 11; batch += 1) {
    await Promise.all(Array.from({ length: 100 }, () => connected(url, half)));
  }
  expect((await ask(url, "GET", "/v2/")).status).toBe(200);
});

describe("when there are too many connections", () => {
  const stub = (remoteAddress: string, remotePort: number) => {
    const gone = { at: false };
    const socket = {
      ...{
        remoteAddress,
        remotePort,
        localAddress: "192.0.2.1",
        localPort: 5000,
        bytesRead: 0,
        bytesWritten: 0,
      },
      once: () => undefined,
      destroy: () => {
        gone.at = true;
      },
    } as unknown as Socket & { bytesRead: number };
    return { socket, isGone: () => gone.at };
  };

  test("the longest silent one of the client that has most goes", () => {
    const connections = openConnections(4);
    const lone = stub("192.0.2.9", 1);
    const many = [2, 3, 4].map((port) => stub("192.0.2.7", port));
    for (const { socket } of [lone, ...many]) connections.admit(socket);
    connections.measure();
    for (const one of [many[0], many[2]]) if (one) one.socket.bytesRead += 5_000;
    connections.measure();
    connections.admit(stub("192.0.2.9", 5).socket);
    expect([lone, ...many].map(({ isGone }) => isGone())).toEqual([false, false, true, false]);
  });

  test("a user stays, however many strangers there are", () => {
    const connections = openConnections(3);
    const users = [1, 2].map((port) => stub("192.0.2.9", port));
    const stranger = stub("192.0.2.7", 3);
    for (const { socket } of [...users, stranger]) connections.admit(socket);
    for (const { socket } of users) connections.trust({ socket } as never);
    connections.admit(stub("192.0.2.8", 4).socket);
    expect([...users, stranger].map(({ isGone }) => isGone())).toEqual([false, false, true]);
  });
});

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
])("%s is a client of %s", (address, client) => {
  expect(clientAt(address)).toBe(client);
});

test("a body that drips is given up, and one that comes fast after a pause is not", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const patience = { milliseconds: 60_000, minBytesPerSecond: 1024 };
  async function* pieces(bytes: number, times: number) {
    for (let at = 0; at < times; at += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      yield new Uint8Array(bytes);
    }
  }
  const read = async (bytes: number, times: number) => {
    let length = 0;
    for await (const piece of atLeastRate(pieces(bytes, times), patience)) length += piece.length;
    return length;
  };
  const outcome = async (reading: Promise<number>) => {
    const settled = reading.catch((thrown: unknown) => thrown);
    await vi.advanceTimersByTimeAsync(1_000_000);
    return settled;
  };
  expect(await outcome(read(20, 20))).toMatchObject({ status: 408 });
  expect(await outcome(read(30_000, 20))).toBe(600_000);
});

testWith("openssl")("plain HTTP on the port of TLS is told so, and TLS goes on", async () => {
  const { cert, key } = await (await makeAuthority(await temporaryFolder())).issue("server");
  const { url } = await startForTest({ tls: { cert, key } });
  const { hostname, port } = new URL(url);
  const answer = await ask(`http://${hostname}:${port}`, "GET", "/v2/");
  expect([answer.status, answer.headers["content-type"]]).toEqual([400, "text/plain; charset=utf-8"]);
  expect(answer.body.toString()).toContain("https://");
  const sent = await ask(`http://${hostname}:${port}`, "PUT", "/v2/a/manifests/x", {
    body: Buffer.alloc(500_000),
  });
  expect(sent.status).toBe(400);
  const secure = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false });
  await once(secure, "secureConnect");
  secure.write(`GET /v2/ HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
  const [first] = (await once(secure, "data")) as [Buffer];
  expect(first.toString()).toContain("HTTP/1.1 200 OK");
  secure.destroy();
});
