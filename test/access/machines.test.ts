import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, onTestFinished, test } from "vitest";
import {
  accessMigrations,
  closedAccess,
  identify,
  type MachineTrust,
  openMachines,
  openProviderFetch,
} from "../../src/access/index.ts";
import type { Sql } from "../../src/database/index.ts";
import { usePglite } from "../support/databases.ts";
import { serve } from "../support/scripted-server.ts";

const databases = usePglite();
const start = new Date("2026-05-01T12:00:00Z");
const seconds = (date: Date) => Math.floor(date.getTime() / 1000);
const audience = "https://waybill.example";
const keys = await generateKeyPair("RS256", { extractable: true });

/** A CI system that issues tokens, and what trusts it. */
async function ciSystem(more: Partial<MachineTrust> = {}) {
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "RS256", use: "sig" };
  const server = await serve((_, response, url) => {
    const isKeys = url.pathname === "/keys";
    const found = { issuer: server.origin, jwks_uri: `${server.origin}/keys` };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(isKeys ? { keys: [jwk] } : found));
  });
  const trust: MachineTrust = {
    ...{ name: "release", kind: "github", issuer: server.origin, audience, role: "runner", jobs: ["push"] },
    claims: { repository_id: "42", ref: "refs/heads/main", ref_protected: "true" },
    ...more,
  };
  const { fetch, close } = openProviderFetch({ environment: {} });
  onTestFinished(close);
  let number = 0;
  const sign = async (
    claims: Readonly<Record<string, unknown>> = {},
    { key = keys.privateKey, alg = "RS256" } = {},
  ) => {
    number += 1;
    const usual = {
      ...{ iss: server.origin, aud: audience, sub: "repo:org/repo:ref", jti: `j${number}` },
      ...{ iat: seconds(start), nbf: seconds(start), exp: seconds(start) + 300 },
      ...{ repository_id: 42, ref: "refs/heads/main", ref_protected: true, event_name: "push" },
    };
    const all = Object.fromEntries(
      Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== undefined),
    );
    return new SignJWT(all).setProtectedHeader({ alg, kid: "k1" }).sign(key);
  };
  const { verify, exchange } = openMachines([trust], fetch, () => start);
  const machines = { exchange: async (sql: Sql, shown: string) => exchange(sql, await verify(shown)) };
  return { machines, sign, server };
}

test("a job of a CI system gets a token for fifteen minutes, once", async () => {
  const db = await databases.open(accessMigrations);
  const { machines, sign } = await ciSystem();
  const shown = await sign();
  const { token, record, claims } = await machines.exchange(db, shown);
  expect(record).toMatchObject({ name: "release", role: "runner", jobs: ["push"] });
  expect(record.endsAt).toEqual(new Date(start.getTime() + 15 * 60_000));
  expect(claims).toMatchObject({ sub: "repo:org/repo:ref", ref: "refs/heads/main" });
  const authorization = `Bearer ${token}`;
  expect(await identify(db, { authorization, from: "x" }, closedAccess, start)).toMatchObject({
    principal: { kind: "machine", role: "runner", jobs: ["push"], names: [] },
  });
  const later = new Date(start.getTime() + 15 * 60_000);
  await expect(identify(db, { authorization, from: "x" }, closedAccess, later)).rejects.toMatchObject({
    code: "credential-invalid",
  });
  await expect(machines.exchange(db, shown)).rejects.toMatchObject({
    ...{ code: "machine-refused", message: "this token is not taken: it was shown before" },
  });
});

test.each<[string, Readonly<Record<string, unknown>>, string]>([
  ["for somebody else", { aud: "https://github.com/org" }, "it is for somebody else, or lacks a claim"],
  ["of another repository", { repository_id: 43 }, "its claims are those of no job that is trusted"],
  ["of another branch", { ref: "refs/heads/x" }, "its claims are those of no job that is trusted"],
  ["without a claim", { ref_protected: undefined }, "its claims are those of no job that is trusted"],
  [
    "of a stranger's code",
    { event_name: "pull_request_target" },
    "its claims are those of no job that is trusted",
  ],
  ["that has ended", { exp: seconds(start) - 61 }, "it has ended"],
  ["of tomorrow", { nbf: seconds(start) + 86_400 }, "it is for somebody else, or lacks a claim"],
  ["without an end", { exp: undefined }, "it is for somebody else, or lacks a claim"],
  ["without an id", { jti: undefined }, "it has no id, so nobody could tell that it is shown twice"],
  ["of another issuer", { iss: "https://evil.example" }, "nobody here trusts who issued it"],
])("a token %s is refused", async (_, claims, why) => {
  const db = await databases.open(accessMigrations);
  const { machines, sign } = await ciSystem();
  await expect(machines.exchange(db, await sign(claims))).rejects.toMatchObject({
    ...{ code: "machine-refused", message: `this token is not taken: ${why}` },
  });
  expect(await db.query("SELECT * FROM access_token")).toEqual([]);
});

test("a token that another key signed, or none, or a secret, is refused", async () => {
  const db = await databases.open(accessMigrations);
  const { machines, sign } = await ciSystem();
  const other = await generateKeyPair("RS256");
  const refused = { code: "machine-refused" };
  await expect(machines.exchange(db, await sign({}, { key: other.privateKey }))).rejects.toMatchObject(
    refused,
  );
  const [, payload = ""] = (await sign()).split(".");
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  for (const shown of [
    `${none}.${payload}.`,
    "x",
    "",
    "a.b.c",
    `${none}.${none}.${none}`,
    "a".repeat(20_000),
  ]) {
    await expect(machines.exchange(db, shown)).rejects.toMatchObject(refused);
  }
  const hmac = await new SignJWT(JSON.parse(Buffer.from(payload, "base64url").toString()))
    .setProtectedHeader({ alg: "HS256", kid: "k1" })
    .sign(new TextEncoder().encode("a".repeat(32)));
  await expect(machines.exchange(db, hmac)).rejects.toMatchObject(refused);
});

test("nobody is asked for keys but an issuer that is configured", async () => {
  const db = await databases.open(accessMigrations);
  const { machines, sign, server } = await ciSystem();
  const evil = await serve((_, response) => response.end("{}"));
  await expect(machines.exchange(db, await sign({ iss: evil.origin }))).rejects.toMatchObject({
    code: "machine-refused",
  });
  expect(evil.seen).toEqual([]);
  expect(server.seen).toEqual([]);
});

test("a trust that names no repository by its number trusts nobody", async () => {
  const db = await databases.open(accessMigrations);
  const { machines, sign } = await ciSystem({ claims: { ref: "refs/heads/main" } });
  await expect(machines.exchange(db, await sign())).rejects.toMatchObject({ code: "machine-refused" });
  const gitlab = await ciSystem({ kind: "gitlab", claims: { project_id: "7", ref: "main" } });
  const shown = await gitlab.sign({ project_id: "7", ref: "main" });
  expect(await gitlab.machines.exchange(db, shown)).toMatchObject({ record: { role: "runner" } });
});

test("an issuer that does not answer is told as one, and asked again", async () => {
  const db = await databases.open(accessMigrations);
  const { machines, sign, server } = await ciSystem();
  await server.close();
  await expect(machines.exchange(db, await sign())).rejects.toMatchObject({ code: "login-unavailable" });
});
