import { expect, test } from "vitest";
import {
  type AuditedAct,
  accessMigrations,
  appendAudit,
  auditHead,
  checkAuditLog,
  formatHead,
  lastAuditCheck,
  listAudit,
  parseHead,
  verifyAuditLog,
} from "../../src/access/index.ts";
import type { Database } from "../../src/database/index.ts";
import { describeDatabases } from "../support/databases.ts";

const start = new Date("2026-05-01T12:00:00Z");
const act = (subject: string, more: Partial<AuditedAct> = {}): AuditedAct => ({
  act: "run.abort",
  subject,
  who: { kind: "person", id: "p", name: "Ann" },
  from: { address: "192.0.2.1", request: "r" },
  ...more,
});

describeDatabases(({ open, openAgain }) => {
  /** A log of so many entries. */
  const logOf = async (entries: number): Promise<Database> => {
    const db = await open(accessMigrations);
    for (let number = 1; number <= entries; number += 1) {
      await appendAudit(db, act(`run/${number}`, { before: { number } }), start);
    }
    return db;
  };
  /** What only somebody does who owns the database. */
  const forcing = async (db: Database, text: string) => {
    await db.script("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_stays");
    await db.script(text);
  };

  test("holds what was done, newest first, and is what was written", async () => {
    const db = await logOf(3);
    const entries = await listAudit(db, { limit: 2 });
    expect(entries).toMatchObject([
      { number: 3, subject: "run/3", before: { number: 3 }, at: start.toISOString(), who: { name: "Ann" } },
      { number: 2, subject: "run/2", from: { address: "192.0.2.1", request: "r" } },
    ]);
    expect(entries[0]?.previous).toBe(entries[1]?.hash);
    expect(await listAudit(db, { limit: 9, before: 2 })).toMatchObject([{ number: 1 }]);
    expect(await listAudit(db, { limit: 9, subject: "run/2" })).toMatchObject([{ number: 2 }]);
    const head = await auditHead(db);
    expect(await verifyAuditLog(db)).toEqual({ entries: 3, head, fault: undefined });
    expect(head && parseHead(formatHead(head))).toEqual(head);
    expect(parseHead("3:abc")).toBeUndefined();
  });

  test("of nothing is whole", async () => {
    const db = await open(accessMigrations);
    expect(await verifyAuditLog(db)).toEqual({ entries: 0, head: undefined, fault: undefined });
  });

  test("takes no change and no removal", async () => {
    const db = await logOf(2);
    await expect(db.query("UPDATE audit_entry SET entry = '{}'")).rejects.toThrow(/nothing else/);
    await expect(db.query("DELETE FROM audit_entry")).rejects.toThrow(/nothing else/);
    await expect(db.query("TRUNCATE audit_entry")).rejects.toThrow(/nothing else/);
    expect(await verifyAuditLog(db)).toMatchObject({ entries: 2, fault: undefined });
  });

  test("has no entry of what was undone", async () => {
    const db = await logOf(1);
    const undone = db.transaction(async (sql) => {
      await appendAudit(sql, act("run/2"), start);
      throw new Error("undone");
    });
    await expect(undone).rejects.toThrow("undone");
    await appendAudit(db, act("run/3"), start);
    expect(await verifyAuditLog(db)).toMatchObject({ entries: 2, fault: undefined });
  });

  test("is one chain, whoever appends at the same time", async () => {
    const db = await open(accessMigrations);
    const other = await openAgain();
    const acts = Array.from({ length: 20 }, (_, number) =>
      (number % 2 === 0 ? db : other).transaction((sql) => appendAudit(sql, act(`run/${number}`), start)),
    );
    await Promise.all(acts);
    expect(await verifyAuditLog(db)).toMatchObject({ entries: 20, fault: undefined });
  });

  test("shortens what would not fit", async () => {
    const db = await open(accessMigrations);
    await appendAudit(db, act("run/1", { after: "a".repeat(100_000) }), start);
    expect(await listAudit(db, { limit: 1 })).toMatchObject([{ after: "too large to be kept here" }]);
    expect(await verifyAuditLog(db)).toMatchObject({ entries: 1, fault: undefined });
  });

  test.each([
    [
      "a changed entry",
      "UPDATE audit_entry SET entry = replace(entry, 'Ann', 'Bob') WHERE number = 3",
      { number: 3, kind: "changed" },
    ],
    [
      "an entry changed with its hash",
      `UPDATE audit_entry SET entry = replace(entry, 'Ann', 'Bob'),
         hash = encode(sha256(convert_to(replace(entry, 'Ann', 'Bob'), 'UTF8')), 'hex') WHERE number = 3`,
      { number: 4, kind: "changed" },
    ],
    ["an entry taken away", "DELETE FROM audit_entry WHERE number = 3", { number: 3, kind: "missing" }],
    ["the first taken away", "DELETE FROM audit_entry WHERE number = 1", { number: 1, kind: "missing" }],
    [
      "an entry taken away, and all behind it moved up",
      `DELETE FROM audit_entry WHERE number = 3;
       UPDATE audit_entry SET number = number - 1 WHERE number > 3`,
      { number: 3, kind: "reordered" },
    ],
    [
      "two entries exchanged",
      `UPDATE audit_entry SET number = 99 WHERE number = 2;
       UPDATE audit_entry SET number = 2 WHERE number = 4;
       UPDATE audit_entry SET number = 4 WHERE number = 99`,
      { number: 2, kind: "reordered" },
    ],
    [
      "something that is no entry",
      `UPDATE audit_entry SET entry = '{}', hash = encode(sha256('{}'), 'hex') WHERE number = 2`,
      { number: 2, kind: "changed" },
    ],
  ])("tells of %s", async (_, text, fault) => {
    const db = await logOf(5);
    await forcing(db, text);
    expect(await verifyAuditLog(db)).toMatchObject({ fault });
  });

  test("tells of an end that was cut off, or of a log that was written anew, by a head that somebody noted", async () => {
    const db = await logOf(3);
    const noted = await auditHead(db);
    expect(await verifyAuditLog(db, { noted })).toMatchObject({ entries: 3, fault: undefined });
    await appendAudit(db, act("run/4"), start);
    expect(await verifyAuditLog(db, { noted })).toMatchObject({ entries: 4, fault: undefined });
    await forcing(db, "DELETE FROM audit_entry WHERE number > 2");
    expect(await verifyAuditLog(db)).toMatchObject({ entries: 2, fault: undefined });
    expect(await verifyAuditLog(db, { noted })).toMatchObject({ fault: { number: 3, kind: "cut off" } });
    await appendAudit(db, act("run/forged"), start);
    expect(await verifyAuditLog(db)).toMatchObject({ entries: 3, fault: undefined });
    expect(await verifyAuditLog(db, { noted })).toMatchObject({ fault: { number: 3, kind: "changed" } });
  });

  test("is checked by its server a few entries at a time, and again from its beginning after some hours", async () => {
    const db = await logOf(5);
    const hour = 3_600_000;
    const look = (hours: number) => checkAuditLog(db, new Date(start.getTime() + hours * hour), 2);
    expect(await lastAuditCheck(db)).toBeUndefined();
    expect(await look(0)).toMatchObject({ until: { number: 2 }, doneAt: undefined, whole: undefined });
    expect(await look(1)).toMatchObject({ until: { number: 4 }, doneAt: undefined });
    const done = await look(2);
    expect(done).toMatchObject({ until: { number: 5 }, whole: { until: 5 }, fault: undefined });
    expect(await lastAuditCheck(db)).toEqual(done);
    await appendAudit(db, act("run/6"), start);
    expect(await look(3)).toMatchObject({ whole: { until: 6 }, doneAt: done.doneAt });
    await forcing(db, "UPDATE audit_entry SET entry = replace(entry, 'run/3', 'run/9') WHERE number = 3");
    // What was looked at counts until the next round.
    expect(await look(4)).toMatchObject({ fault: undefined });
    expect(await look(9)).toMatchObject({ until: { number: 2 }, doneAt: undefined });
    const broken = await look(10);
    expect(broken).toMatchObject({ fault: { number: 3, kind: "changed" }, whole: { until: 6 } });
    expect(await look(11)).toMatchObject({ fault: { number: 3 } });
    await forcing(db, "UPDATE audit_entry SET entry = replace(entry, 'run/9', 'run/3') WHERE number = 3");
    expect(await look(12)).toMatchObject({ until: { number: 4 }, fault: { number: 3 } });
    expect(await look(13)).toMatchObject({ until: { number: 6 }, fault: { number: 3 } });
    expect(await look(14)).toMatchObject({ fault: undefined, whole: { until: 6 } });
  });

  test("whose end was cut off after it was checked is told of", async () => {
    const db = await logOf(3);
    await checkAuditLog(db, start);
    await forcing(db, "DELETE FROM audit_entry WHERE number > 2");
    expect(await checkAuditLog(db, start)).toMatchObject({ fault: { number: 3, kind: "cut off" } });
    await appendAudit(db, act("run/forged"), start);
    expect(await checkAuditLog(db, start)).toMatchObject({ fault: { number: 3, kind: "changed" } });
  });
});
