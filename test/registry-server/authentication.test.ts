import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import { describe, expect, test } from "vitest";
import { basicAuthentication, createSlowdown } from "../../src/registry-server/authentication.ts";
import type { RegistryRequestEvent } from "../../src/registry-server/index.ts";
import { ask, errorCode, startForTest, temporaryFolder } from "./client.ts";

const password = "correct horse: battery staple é";
const basic = (username: string, secret: string) =>
  `Basic ${Buffer.from(`${username}:${secret}`).toString("base64")}`;

const applicant = (header: string) => ({
  header,
  client: "127.0.0.1",
  gone: new AbortController().signal,
});

async function htpasswd(content: string): Promise<string> {
  const file = join(await temporaryFolder(), "htpasswd");
  await writeFile(file, content);
  return file;
}

/** Entries in both spellings of bcrypt that tools write. */
async function twoUsers(): Promise<string> {
  const hash = await bcrypt.hash(password, 4);
  return htpasswd(`# users\nann:${hash}\r\n\nbob:${hash.replace(/^\$2b\$/, "$2y$")}\n`);
}

describe("basic authentication", () => {
  test("lets in who knows the password, and challenges everybody else with Basic alone", async () => {
    const events: RegistryRequestEvent[] = [];
    const { url } = await startForTest({
      htpasswd: await twoUsers(),
      onRequest: (event) => events.push(event),
    });
    const wrong = [
      undefined,
      basic("ann", "wrong"),
      basic("nobody", password),
      basic("ann", ""),
      basic("", password),
      `Bearer ${Buffer.from(`ann:${password}`).toString("base64")}`,
      "Basic",
      "Basic !!!",
      `Basic ${Buffer.from("ann").toString("base64")}`,
      basic("ann", "a".repeat(5_000)),
    ];
    for (const authorization of wrong) {
      for (const path of ["/v2/", "/v2/a/tags/list", "/v2/_catalog", "/v2/A/../x"]) {
        const headers = authorization === undefined ? {} : { Authorization: authorization };
        const answer = await ask(url, "GET", path, { headers });
        expect([answer.status, errorCode(answer)]).toEqual([401, "UNAUTHORIZED"]);
        expect(answer.headers["www-authenticate"]).toBe('Basic realm="Waybill registry", charset="UTF-8"');
      }
    }
    for (const username of ["ann", "bob"]) {
      const headers = { Authorization: basic(username, password) };
      expect((await ask(url, "GET", "/v2/", { headers })).status).toBe(200);
      expect((await ask(url, "POST", "/v2/a/blobs/uploads/", { headers })).status).toBe(202);
    }
    const log = JSON.stringify(events);
    for (const secret of [password, basic("ann", password).slice(6), "wrong"])
      expect(log).not.toContain(secret);
  });

  test("asks bcrypt once for each password that it has seen", async () => {
    let comparisons = 0;
    const compare = (text: string, hash: string) => {
      comparisons += 1;
      return bcrypt.compare(text, hash);
    };
    const authenticate = await basicAuthentication(await twoUsers(), compare);
    const judge = (header: string) => authenticate(applicant(header));
    const header = basic("ann", password);
    const ann = { user: "ann" };
    expect(await Promise.all([1, 2, 3, 4].map(() => judge(header)))).toEqual([ann, ann, ann, ann]);
    expect(await judge(`${header} `)).toEqual(ann);
    expect(comparisons).toBe(1);
    expect(await judge(basic("ann", "wrong"))).toBe("wrong");
    expect(await judge(basic("ann", "wrong"))).toBe("wrong");
    expect(comparisons).toBe(2);
    expect(await judge(basic("nobody", password))).toBe("wrong");
    expect(comparisons).toBe(3);
  });

  test("lets in who knows the password while others try a thousand", async () => {
    const order: string[] = [];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const compare = async (text: string, hash: string) => {
      await held;
      order.push(text);
      return bcrypt.compare(text, hash);
    };
    const authenticate = await basicAuthentication(await twoUsers(), compare);
    const wrong = Array.from({ length: 1_000 }, (_, at) => `wrong ${at}`);
    const away = wrong.map(() => new AbortController());
    const answers = wrong.map((text, at) =>
      authenticate({ ...applicant(basic("ann", text)), gone: away[at]?.signal ?? AbortSignal.abort() }),
    );
    // From elsewhere, and of another user from the same place.
    const ann = authenticate({ ...applicant(basic("ann", password)), client: "192.0.2.7" });
    const bob = authenticate(applicant(basic("bob", password)));
    release();
    expect(await ann).toEqual({ user: "ann" });
    expect(await bob).toEqual({ user: "bob" });
    expect(order.indexOf(password)).toBeLessThan(3);
    for (const leaving of away) leaving.abort();
    const all = await Promise.all(answers);
    expect(all.filter((answer) => answer === "busy").length).toBeGreaterThan(900);
    expect(order.length).toBeLessThan(40);
  });

  test("tells who fails again and again ever later, as often as the effort allows", () => {
    const slowdown = createSlowdown();
    const delays = (client: string, effort: number) =>
      Array.from({ length: 14 }, () => slowdown.after(client, effort, 1_000));
    expect(delays("one", 10)).toEqual([...Array<number>(10).fill(0), 250, 500, 750, 1_000]);
    expect(delays("other", 1_000).slice(9)).toEqual([0, 4_000, 8_000, 12_000, 16_000]);
    expect(Math.max(...delays("third", 100_000))).toBe(30_000);
    expect(slowdown.after("one", 10, 1_000_000)).toBe(0);
  });

  test.each([
    ["a hash of another kind", "ann:$apr1$abcdefgh$0123456789012345678901\n", 1],
    ["a password in the clear", "# users\nann:hunter2\n", 2],
    ["no user name", ":$2y$05$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu\n", 1],
  ])("refuses a file with %s, without showing it", async (_what, content, line) => {
    const file = await htpasswd(content);
    const starting = startForTest({ htpasswd: file });
    await expect(starting).rejects.toMatchObject({ code: "htpasswd-invalid", where: `${file}:${line}` });
    await expect(starting).rejects.not.toMatchObject({ message: expect.stringContaining("hunter2") });
  });

  test.each([
    ["no entry", "# nobody\n\n"],
    ["nothing", ""],
  ])("refuses a file with %s", async (_what, content) => {
    const file = await htpasswd(content);
    await expect(startForTest({ htpasswd: file })).rejects.toMatchObject({
      code: "htpasswd-invalid",
      where: file,
    });
  });

  test("refuses a file that is not there", async () => {
    const file = join(await temporaryFolder(), "none");
    await expect(startForTest({ htpasswd: file })).rejects.toMatchObject({ code: "htpasswd-invalid" });
  });
});
