import { expect, test } from "vitest";
import {
  type AccessSettings,
  accessMigrations,
  beginSession,
  closedAccess,
  endSession,
  endSessionOf,
  identify,
  issueToken,
  keepAdminToken,
  keepPerson,
  listSessions,
  listTokens,
  maxTokenLife,
  type PersonIdentity,
  revokeToken,
  sessionLife,
  sweepSessions,
  sweepTokens,
  type TokenRequest,
} from "../../src/access/index.ts";
import { describeDatabases } from "../support/databases.ts";

const start = new Date("2026-05-01T12:00:00Z");
const after = (milliseconds: number) => new Date(start.getTime() + milliseconds);
const hour = 3_600_000;
const day = 24 * hour;

const provider = (name: string, issuer: string): AccessSettings["providers"][number] => ({
  ...{ name, issuer, kind: "openid", clientId: "c", clientSecret: { variable: "S" } },
});
const settings: AccessSettings = {
  ...closedAccess,
  roles: { reader: { everyone: true }, releaser: { groups: ["org/release"] }, admin: { users: ["sso:ann"] } },
  providers: [provider("forge", "https://forge.example/"), provider("sso", "https://sso.example")],
};
const ann: PersonIdentity = {
  ...{ provider: "forge", issuer: "https://forge.example/", subject: "17", login: "Ann", shown: "Ann A." },
  groups: ["Org", "org/release"],
};

describeDatabases(({ open }) => {
  test("a session says who somebody is, until it ends", async () => {
    const db = await open(accessMigrations);
    const secret = await beginSession(db, { person: await keepPerson(db, ann, start) }, start);
    const at = (now: Date, session = secret) => identify(db, { session, from: "x" }, settings, now);
    expect(await at(start)).toMatchObject({
      by: "session",
      principal: {
        ...{ kind: "person", name: "Ann A.", role: "releaser", most: "admin" },
        names: ["ann", "forge:ann", "forge:#17"],
        groups: ["org", "org/release", "forge:org", "forge:org/release"],
      },
    });
    expect(await at(start, `${secret.slice(1)}A`)).toMatchObject({ by: "nothing" });
    expect(await at(after(sessionLife.idle - 1))).toMatchObject({ by: "session" });
    expect(await at(after(sessionLife.idle + hour))).toMatchObject({ by: "session" });
    expect(await at(after(2 * sessionLife.idle + hour))).toMatchObject({ by: "nothing" });
    expect(await endSession(db, secret)).toBe(true);
    expect(await endSession(db, secret)).toBe(false);
    expect(await at(start)).toMatchObject({ by: "nothing" });
  });

  test("a person has twenty sessions at most, and a new one ends the one that was used longest ago", async () => {
    const db = await open(accessMigrations);
    const person = await keepPerson(db, ann, start);
    const secrets: string[] = [];
    for (let at = 0; at < 21; at += 1) secrets.push(await beginSession(db, { person }, after(at)));
    const isIn = async (session: string) =>
      (await identify(db, { session, from: "x" }, settings, after(30))).by === "session";
    expect(await Promise.all(secrets.map(isIn))).toEqual([false, ...Array(20).fill(true)]);
  });

  test("sessions are listed without what their browsers show, and are ended one by one", async () => {
    const db = await open(accessMigrations);
    const [person, other] = [
      await keepPerson(db, ann, start),
      await keepPerson(db, { ...ann, subject: "18" }, start),
    ];
    const request = {
      name: "laptop",
      role: "reader",
      endsAt: after(2 * hour),
      person,
      madeBy: "Ann",
    } as const;
    const { record } = await issueToken(db, request, start);
    const secrets = [
      await beginSession(db, { person }, start),
      await beginSession(db, { token: record.id }, after(1000)),
      await beginSession(db, { person: other }, after(2000)),
    ];
    const now = after(hour);
    const all = await listSessions(db, { limit: 9 }, now);
    expect(all.map(({ owner, endsAt }) => [owner.kind, owner.name, endsAt])).toEqual([
      ["person", "Ann A.", after(2000 + sessionLife.whole)],
      ["token", "laptop", after(2 * hour)],
      ["person", "Ann A.", after(sessionLife.whole)],
    ]);
    for (const secret of secrets) expect(JSON.stringify(all)).not.toContain(secret);
    const [last, ofToken, first] = all;
    const behind = last && ([last.usedAt, last.id] as const);
    expect(await listSessions(db, { after: behind, limit: 9 }, now)).toEqual([ofToken, first]);
    expect(await listSessions(db, { person, limit: 9 }, now)).toEqual([ofToken, first]);
    expect(await listSessions(db, { token: record.id, limit: 9 }, now)).toEqual([ofToken]);
    expect(await endSessionOf(db, last?.id ?? "", { person })).toBe(false);
    expect(await endSessionOf(db, ofToken?.id ?? "", { person })).toBe(true);
    expect(await endSessionOf(db, last?.id ?? "", {})).toBe(true);
    expect(await listSessions(db, { limit: 9 }, now)).toEqual([first]);
    await revokeToken(db, record.id, undefined, now);
    expect(await listSessions(db, { limit: 9 }, after(25 * hour))).toEqual([]);
  });

  test("a session ends after a day, however much it is used", async () => {
    const db = await open(accessMigrations);
    const secret = await beginSession(db, { person: await keepPerson(db, ann, start) }, start);
    const isIn = async (now: Date) =>
      (await identify(db, { session: secret, from: "x" }, settings, now)).by === "session";
    for (let now = 0; now < sessionLife.whole; now += 6 * hour) expect(await isIn(after(now))).toBe(true);
    expect(await isIn(after(sessionLife.whole))).toBe(false);
    await sweepSessions(db, after(sessionLife.whole));
    expect(await db.query("SELECT * FROM access_session")).toEqual([]);
  });

  test("neither sessions nor tokens stand in the database", async () => {
    const db = await open(accessMigrations);
    const person = await keepPerson(db, ann, start);
    const secret = await beginSession(db, { person }, start);
    const request = { name: "ci", role: "runner", endsAt: after(day), person, madeBy: "Ann" } as const;
    const { token } = await issueToken(db, request, start);
    const all = await Promise.all(
      ["access_session", "access_token", "access_person"].map((table) => db.query(`SELECT * FROM ${table}`)),
    );
    const text = JSON.stringify(all);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(token);
    expect(text).not.toContain(token.slice(8));
  });

  test("a person is one by the issuer's name for good, whatever the login is", async () => {
    const db = await open(accessMigrations);
    const id = await keepPerson(db, ann, start);
    expect(await keepPerson(db, { ...ann, login: "ann2", groups: [] }, start)).toBe(id);
    expect(await keepPerson(db, { ...ann, subject: "18" }, start)).not.toBe(id);
    const other = { ...ann, issuer: "https://sso.example", provider: "sso" };
    const second = await keepPerson(db, other, start);
    const session = await beginSession(db, { person: second }, start);
    const { principal } = await identify(db, { session, from: "x" }, settings, start);
    expect(principal).toMatchObject({ role: "admin", names: ["sso:ann", "sso:#17"] });
  });

  test("a login that looks like one of another provider's is no name", async () => {
    const db = await open(accessMigrations);
    const session = await beginSession(
      db,
      { person: await keepPerson(db, { ...ann, login: "sso:ann", groups: ["sso:org"] }, start) },
      start,
    );
    const { principal } = await identify(db, { session, from: "x" }, settings, start);
    expect(principal).toMatchObject({ role: "reader", names: ["forge:#17"], groups: [] });
  });

  test("who has logged in and is given no role has none, and no token of theirs has one", async () => {
    const db = await open(accessMigrations);
    const strict = { ...settings, roles: { admin: { users: ["bob"] } } };
    const person = await keepPerson(db, ann, start);
    const session = await beginSession(db, { person }, start);
    const request = { name: "a", role: "admin", endsAt: after(day), person, madeBy: "Ann" } as const;
    const { token } = await issueToken(db, request, start);
    for (const shown of [{ session }, { authorization: `Bearer ${token}` }]) {
      const { principal } = await identify(db, { ...shown, from: "x" }, strict, start);
      expect(principal).toMatchObject({ id: expect.any(String), role: undefined });
    }
  });

  test("who is vouched for by nobody who is configured is nobody", async () => {
    const db = await open(accessMigrations);
    const session = await beginSession(db, { person: await keepPerson(db, ann, start) }, start);
    const { principal } = await identify(db, { session, from: "x" }, closedAccess, start);
    expect(principal.kind).toBe("anonymous");
  });

  test("a token has an end, a scope and a last use, and can be revoked", async () => {
    const db = await open(accessMigrations);
    const request: TokenRequest = {
      ...{ name: "ci of org/repo", role: "runner", jobs: ["push"] },
      ...{ endsAt: after(30 * day), madeBy: "admin" },
    };
    const { token, record } = await issueToken(db, request, start);
    expect(token).toMatch(/^waybill_[\w-]{43}$/);
    const show = (now: Date, authorization = `Bearer ${token}`) =>
      identify(db, { authorization, from: "192.0.2.7" }, settings, now);
    expect(await show(start)).toMatchObject({
      by: "token",
      principal: { kind: "machine", role: "runner", most: "runner", jobs: ["push"], names: [] },
    });
    expect(await show(start, `bearer  ${token}`)).toMatchObject({ by: "token" });
    expect(await listTokens(db, { limit: 10 }, start)).toMatchObject([
      { id: record.id, name: "ci of org/repo", usedAt: start, usedFrom: "192.0.2.7" },
    ]);
    for (const wrong of [`Bearer ${token}x`, `Basic ${token}`, "Bearer ", "", `Bearer ${token} ${token}`]) {
      await expect(show(start, wrong)).rejects.toMatchObject({ code: "credential-invalid" });
    }
    await expect(show(after(30 * day))).rejects.toMatchObject({ code: "credential-invalid" });
    await revokeToken(db, record.id, undefined, start);
    await expect(show(start)).rejects.toMatchObject({ code: "credential-invalid" });
    await expect(revokeToken(db, record.id, undefined, start)).rejects.toMatchObject({
      code: "token-unknown",
    });
    expect(await listTokens(db, { limit: 10 }, start)).toEqual([]);
    await sweepTokens(db, after(90 * day));
    expect(await db.query("SELECT * FROM access_token")).toEqual([]);
  });

  test("a token of a person's may what the person may now, as far as its role goes", async () => {
    const db = await open(accessMigrations);
    const person = await keepPerson(db, ann, start);
    const issue = async (role: "runner" | "admin") =>
      (await issueToken(db, { name: role, role, endsAt: after(60 * day), person, madeBy: "Ann" }, start))
        .token;
    const [runner, admin] = [await issue("runner"), await issue("admin")];
    const roleOf = async (token: string, now = start) =>
      (await identify(db, { authorization: `Bearer ${token}`, from: "x" }, settings, now)).principal.role;
    expect(await roleOf(runner)).toBe("runner");
    expect(await roleOf(admin)).toBe("releaser");
    await keepPerson(db, { ...ann, groups: [] }, start);
    expect(await roleOf(runner)).toBe("reader");
    expect(await roleOf(admin, after(29 * day))).toBe("reader");
    await expect(roleOf(admin, after(31 * day))).rejects.toMatchObject({ code: "credential-invalid" });
    await keepPerson(db, ann, after(31 * day));
    expect(await roleOf(admin, after(31 * day))).toBe("releaser");
  });

  test("a person ends their own tokens alone", async () => {
    const db = await open(accessMigrations);
    const person = await keepPerson(db, ann, start);
    const other = await keepPerson(db, { ...ann, subject: "18" }, start);
    const request = { name: "a", role: "reader", endsAt: after(day), person, madeBy: "Ann" } as const;
    const { record } = await issueToken(db, request, start);
    await expect(revokeToken(db, record.id, other, start)).rejects.toMatchObject({ code: "token-unknown" });
    expect(await listTokens(db, { person: other, limit: 10 }, start)).toEqual([]);
    expect(await listTokens(db, { person, limit: 10 }, start)).toHaveLength(1);
  });

  test.each([
    ["without an end to come", { endsAt: start }],
    ["for more than a year", { endsAt: after(maxTokenLife + 1) }],
    ["without a time", { endsAt: new Date(Number.NaN) }],
    ["without a name", { name: "" }],
    ["with a name of two lines", { name: "a\nb" }],
  ])("no token is made %s", async (_, wrong) => {
    const db = await open(accessMigrations);
    const request = { name: "a", role: "reader", endsAt: after(day), madeBy: "Ann", ...wrong } as const;
    await expect(issueToken(db, request, start)).rejects.toMatchObject({ code: "token-request-invalid" });
  });

  test("a person has a hundred tokens at most", async () => {
    const db = await open(accessMigrations);
    const person = await keepPerson(db, ann, start);
    const request = { name: "a", role: "reader", endsAt: after(day), person, madeBy: "Ann" } as const;
    for (let count = 0; count < 100; count += 1) await issueToken(db, request, start);
    await expect(issueToken(db, request, start)).rejects.toMatchObject({ code: "token-request-invalid" });
  });

  test("the admin's token is that of the settings, and the one before it is refused", async () => {
    const db = await open(accessMigrations);
    const roleOf = async (token: string) =>
      (await identify(db, { authorization: `Bearer ${token}`, from: "x" }, settings, start)).principal.role;
    const [first, second] = ["a".repeat(32), "b".repeat(40)];
    await keepAdminToken(db, first, start);
    expect(await roleOf(first)).toBe("admin");
    await keepAdminToken(db, second, start);
    expect(await roleOf(second)).toBe("admin");
    await expect(roleOf(first)).rejects.toMatchObject({ code: "credential-invalid" });
    // Two processes begin at the same time.
    await Promise.all([keepAdminToken(db, second, start), keepAdminToken(db, second, start)]);
    expect(await roleOf(second)).toBe("admin");
    await keepAdminToken(db, undefined, start);
    await expect(roleOf(second)).rejects.toMatchObject({ code: "credential-invalid" });
    await expect(keepAdminToken(db, "short", start)).rejects.toMatchObject({ code: "token-request-invalid" });
  });
});
