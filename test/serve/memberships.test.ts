import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type AccessSettings,
  closedAccess,
  type Memberships,
  mayDo,
  type Principal,
  type ProviderSettings,
  withCurrentGroups,
} from "../../src/access/index.ts";
import { openMembers } from "../../src/forge/index.ts";
import { openMemberships } from "../../src/serve/memberships.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";

describe.each(["github", "gitlab", "gitea"] as const)("a role of a team on a %s", (kind) => {
  let forge: ForgeServer;
  let settings: AccessSettings;
  let memberships: Memberships;
  let time: number;
  let problems: unknown[];
  const seenAt = new Date("2026-11-30T12:00:00Z");
  const hour = 3_600_000;

  beforeEach(async () => {
    forge = await startForgeServer({ kind });
    const token = forge.addUser("robot");
    for (const name of ["ann", "eve"]) forge.addUser(name);
    forge.addTeam("org/people", ["robot", "ann", "eve"]);
    forge.addTeam("org/release", ["robot", "ann"]);
    time = seenAt.getTime();
    problems = [];
    settings = {
      ...closedAccess,
      roles: { reader: { groups: ["org/people"] }, releaser: { groups: ["main:org/release"] } },
      providers: [
        {
          ...{ name: "main", kind: kind === "github" ? "github" : "openid", issuer: forge.url },
          ...{ clientId: "x", clientSecret: { variable: "X" } },
        },
      ],
    };
    memberships = using({ WAYBILL_FORGE_TOKEN: token });
  });
  afterEach(() => forge.close());

  const using = (environment: NodeJS.ProcessEnv): Memberships =>
    openMemberships(
      { settings: { ...defaultSettings, forges: { [forge.host]: { kind } } }, environment, access: settings },
      openMembers(() => time),
      (error) => void problems.push(error),
    );
  const ann = (more: Partial<Principal> = {}): Principal => ({
    ...{ kind: "person", id: "1", name: "Ann", names: ["ann", "main:ann"], most: "admin", role: "releaser" },
    groups: ["org/people", "main:org/people", "org/release", "main:org/release"],
    account: { provider: "main", login: "ann", subject: String(forge.world.user("ann")?.id), seenAt },
    ...more,
  });
  const now = (who: Principal, groups: readonly string[] = []) =>
    withCurrentGroups(who, groups, settings, memberships, new Date(time));

  test("is that of its members for as long as they are", async () => {
    expect((await now(ann())).role).toBe("releaser");
    time += hour;
    expect(await now(ann())).toMatchObject({ role: "releaser", groups: ["main:org/release", "org/people"] });
    const asked = forge.seen.length;
    expect((await now(ann({ most: "runner" }))).role).toBe("runner");
    // Who belongs there is remembered for some minutes; whose the name is, is not.
    expect(forge.seen.slice(asked).every(({ url }) => url.includes("/users"))).toBe(true);
    forge.addTeam("org/release", ["robot"]);
    time += 3 * 60_000;
    const left = await now(ann());
    expect(left).toMatchObject({ role: "reader", groups: ["org/people"], unread: [] });
    expect(mayDo(left, "release", undefined, settings)).not.toHaveProperty("isUnread");
  });

  test("is nobody's who has the name of somebody who had it", async () => {
    time += hour;
    const subject = String(forge.world.user("eve")?.id);
    const other = ann({ account: { provider: "main", login: "ann", subject, seenAt } });
    expect(await now(other)).toMatchObject({ role: undefined, groups: [] });
  });

  test("is neither there nor away while nobody can tell, and lets nobody do anything", async () => {
    time += hour;
    forge.failNext({ kind: "answer", status: 500 }, { times: 99 });
    const unread = await now(ann());
    expect(unread).toMatchObject({ role: undefined, groups: [], unread: ["main:org/release", "org/people"] });
    expect(problems.length).toBeGreaterThan(0);
    expect(mayDo(unread, "release", undefined, settings)).toMatchObject({
      isUnread: true,
      reason: "whether Ann is a member of main:org/release, org/people cannot be read now",
    });
    // What no membership would give is refused as ever.
    expect(mayDo(unread, "manage", undefined, settings)).not.toHaveProperty("isUnread");
    forge.clearFaults();
    expect(mayDo(await now(ann()), "release", undefined, settings).isGiven).toBe(true);
  });

  test("counts for what a job says of teams as well", async () => {
    time += hour;
    const eve = ann({
      ...{ name: "Eve", names: ["eve"], role: undefined, groups: [] },
      account: { provider: "main", login: "eve", subject: String(forge.world.user("eve")?.id), seenAt },
    });
    const job = { name: "promote", rerun: { teams: ["org/release"] } };
    expect(mayDo(await now(eve, ["org/release"]), "run", job, settings).isGiven).toBe(false);
    forge.addTeam("org/release", ["robot", "eve"]);
    time += 3 * 60_000;
    expect(mayDo(await now(eve, ["org/release"]), "run", job, settings).isGiven).toBe(true);
  });

  test("is unread where the server has no token for the forge", async () => {
    time += hour;
    memberships = using({ HOME: "/nowhere" });
    expect(await now(ann())).toMatchObject({ role: undefined, unread: ["main:org/release", "org/people"] });
    // Of a provider that is no forge, what the login has told counts.
    const other: ProviderSettings = {
      ...({ name: "other", kind: "openid", issuer: "https://id.example.com", clientId: "x" } as const),
      clientSecret: { variable: "X" },
    };
    settings = { ...settings, providers: [other] };
    memberships = using({});
    expect(
      (await now(ann({ account: { provider: "other", login: "ann", subject: "1", seenAt } }))).role,
    ).toBe("releaser");
  });
});
