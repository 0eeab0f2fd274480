import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findSecrets } from "../../src/builds/secrets.ts";
import { answer, startScriptedServer } from "../support/scripted-server.ts";

const folder = mkdtempSync(join(tmpdir(), "waybill-secrets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const version = "projects/p/secrets/s/versions/latest";
const fileOf = (name: string, bytes: string | Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

describe("readSecrets", () => {
  it("takes files, variables, and variables of the same name", async () => {
    const path = fileOf("token", "from a file\n");
    const wanted = ["A", "B", "C", "A"].map((env) => ({ env }));
    const secrets = await findSecrets(wanted, [`A=@${path}`, "B=env:OTHER", "C"], { OTHER: "o", C: "c" });
    expect([...secrets]).toEqual([
      ["A", "from a file\n"],
      ["B", "o"],
      ["C", "c"],
    ]);
  });

  it.each<[given: string, said: RegExp]>([
    ["A=hunter2", /neither a file nor a variable/],
    ["A=@", /neither/],
    ["A=env:", /neither/],
    ["A=@/no/such/file", /cannot be read/],
    ["A=env:NONE", /no NONE/],
    ["A", /no A/],
    ["B=env:X", /no step asks/],
    ["=x", /named like/],
    ["A B", /named like/],
  ])("refuses %s without telling what was in it", async (given, said) => {
    const reading = findSecrets([{ env: "A" }], [given], {});
    await expect(reading).rejects.toMatchObject({
      code: "secret-refused",
      message: expect.stringMatching(said),
    });
    await expect(reading).rejects.toMatchObject({ message: expect.not.stringContaining("hunter2") });
  });

  it.each([
    ["too large", Buffer.alloc(64 * 1024 + 1, "a"), /64 KiB/],
    ["not text", Buffer.of(0xff, 0xfe), /no text/],
    ["a zero byte", Buffer.of(65, 0), /no text/],
  ])("refuses what is %s", async (_, bytes, said) => {
    const reading = findSecrets([{ env: "A" }], [`A=@${fileOf("odd", bytes)}`], {});
    await expect(reading).rejects.toMatchObject({ message: expect.stringMatching(said) });
  });

  it("names all that are missing, and every way to give them", async () => {
    await expect(
      findSecrets([{ env: "A", version }, { env: "B" }], [], { A: "not asked for" }),
    ).rejects.toMatchObject({
      code: "secret-missing",
      message: expect.stringMatching(/2 secrets are missing: A \(projects.*B \(encrypted/),
      hint: expect.stringMatching(/=@file.*env:VARIABLE.*Secret Manager/),
    });
  });

  it("asks Secret Manager, with a new token where the old one is refused", async () => {
    const server = await startScriptedServer((request, response) => {
      if (request.headers.authorization !== "Bearer fresh") return answer(response, 401);
      answer(
        response,
        200,
        {},
        JSON.stringify({ payload: { data: Buffer.from("sés\n").toString("base64") } }),
      );
    });
    const access = {
      token: async ({ isFresh }: { isFresh: boolean }) => (isFresh ? "fresh" : "stale"),
      signal: new AbortController().signal,
      origin: server.origin,
    };
    expect([...(await findSecrets([{ env: "A", version }], [], {}, access))]).toEqual([["A", "sés\n"]]);
    expect(server.seen.map(({ url }) => url)).toEqual([`/v1/${version}:access`, `/v1/${version}:access`]);
    // What is given is not asked for.
    expect([...(await findSecrets([{ env: "A", version }], ["A"], { A: "mine" }, access))]).toEqual([
      ["A", "mine"],
    ]);
    expect(server.seen).toHaveLength(2);
    await server.close();
  });

  it("says why Secret Manager refuses", async () => {
    const server = await startScriptedServer((_, response) =>
      answer(response, 403, {}, JSON.stringify({ error: { message: "Permission denied on secret" } })),
    );
    const access = { token: async () => "t", signal: new AbortController().signal, origin: server.origin };
    await expect(findSecrets([{ env: "A", version }], [], {}, access)).rejects.toMatchObject({
      code: "secret-refused",
      message: expect.stringMatching(/403 Permission denied on secret/),
    });
    const elsewhere = [{ env: "A", version: "projects/p/../../x" }];
    await expect(findSecrets(elsewhere, [], {}, access)).rejects.toMatchObject({ code: "secret-refused" });
    expect(server.seen).toHaveLength(1);
    await server.close();
  });
});
