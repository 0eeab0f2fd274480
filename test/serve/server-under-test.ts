import { createHmac, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type GivenOptions,
  type LogFields,
  type RunningServer,
  type ServeOptions,
  settleOptions,
  startServer,
} from "../../src/serve/index.ts";
import { defaultSettings, type Settings } from "../../src/settings/index.ts";

/** A server of a test, in this process. */
export interface TestServer {
  readonly url: string;
  /** Where a forge sends what happens there, and what it signs it with. */
  readonly hook: { readonly url: string; readonly secret: string };
  /** What it has said so far. */
  readonly said: readonly string[];
  /** Asks its API as the admin. @throws When the answer is no success. */
  ask<Answer>(method: string, path: string, body?: object): Promise<Answer>;
  /** Waits until something is so. What it was waited for is said when it has taken very long. */
  until<Found>(what: string, look: () => Promise<Found | undefined> | Found | undefined): Promise<Found>;
  /** Tells it that a repository, or one of its pull requests, has something new, as a forge does. */
  tell(repository: string, pull?: number): Promise<void>;
  stop(): Promise<void>;
}

const webhookSecret = "a-secret-of-a-test-that-nobody-need-keep";
/** Very long on any machine. */
const patience = 120_000;

/** Starts one on an embedded database. */
export async function startTestServer(
  folder: string,
  settings: Partial<Settings>,
  { drain = 0, ...more }: Partial<GivenOptions & Pick<ServeOptions, "drain">> = {},
): Promise<TestServer> {
  const said: string[] = [];
  const settled = await settleOptions({
    version: "0.0.0-test",
    settings: { ...defaultSettings, ...settings },
    environment: {},
    grace: 5_000,
    usualData: join(folder, "data"),
    listen: { host: "127.0.0.1", port: 0 },
    jobs: join(folder, "jobs"),
    log: (level, message, fields: LogFields = {}) =>
      void said.push(`${new Date().toISOString()} ${level} ${message} ${JSON.stringify(fields)}`),
    ...more,
  });
  const options = { ...settled, webhooks: [{ name: "test", secrets: [webhookSecret] }], drain };
  const server: RunningServer = await startServer(options);
  const token = (await readFile(join(options.data, "admin-token"), "utf8")).trim();
  const { url } = server;
  return {
    ...{ url, said, stop: server.stop },
    hook: { url: `${url}/webhooks/test`, secret: webhookSecret },
    async ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return (response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text) as Answer;
    },
    async until(what, look) {
      for (let waited = 0; waited < patience; waited += 50) {
        const found = await look();
        if (found !== undefined) return found;
        await sleep(50);
      }
      throw new Error(`${what} has not come to be; the server said:\n${said.join("\n")}`);
    },
    async tell(repository, pull) {
      const address = { clone_url: repository, html_url: repository.replace(/\.git$/, "") };
      const about =
        pull === undefined
          ? { ref: "refs/heads/main", repository: address }
          : { action: "synchronized", number: pull, pull_request: { number: pull }, repository: address };
      const body = JSON.stringify(about);
      const response = await fetch(`${url}/webhooks/test`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "x-gitea-event": pull === undefined ? "push" : "pull_request",
          "x-gitea-delivery": randomUUID(),
          "x-gitea-signature": createHmac("sha256", webhookSecret).update(body).digest("hex"),
        },
        body,
      });
      if (!response.ok)
        throw new Error(`a delivery was answered with ${response.status} ${await response.text()}`);
    },
  };
}
