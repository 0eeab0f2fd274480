import { describe, expect, it } from "vitest";
import { openQueue, queueMigrations } from "../../src/queue/index.ts";
import { Lease, leaseTiming } from "../../src/queue/lease.ts";
import { Settling } from "../../src/queue/settle.ts";
import { superviseOnce } from "../../src/queue/supervise.ts";
import { nameOfLease } from "../../src/queue/worker-name.ts";
import { describeDatabases } from "../support/databases.ts";
import { ask } from "./support.ts";

describe("a lease", () => {
  const leaseAt = () => {
    const now = { monotonic: 1_000, wall: 500_000 };
    const lease = new Lease("worker", () => ({ ...now }));
    const pass = (monotonic: number, wall: number) => {
      now.monotonic += monotonic;
      now.wall += wall;
    };
    return { lease, pass, renew: () => lease.renewed({ ...now }) };
  };

  it("is valid only after it was renewed, and until others may take over", () => {
    const { lease, pass, renew } = leaseAt();
    expect(lease.isValid()).toBe(false);
    renew();
    expect(lease.isValid()).toBe(true);
    pass(leaseTiming.writing - 1, leaseTiming.writing - 1);
    expect(lease.isValid()).toBe(true);
    pass(1, 1);
    expect(lease.isValid()).toBe(false);
    renew();
    expect(lease.isValid()).toBe(true);
    expect(leaseTiming.writing).toBeLessThan(leaseTiming.whole);
  });

  it("ends for a process that was stopped, and for a machine that was suspended", () => {
    const stopped = leaseAt();
    stopped.renew();
    stopped.pass(60_000, 60_000);
    expect(stopped.lease.isValid()).toBe(false);
    const suspended = leaseAt();
    suspended.renew();
    suspended.pass(10, 60_000);
    expect(suspended.lease.isValid()).toBe(false);
  });

  it("does not live longer when somebody sets the clock back", () => {
    const { lease, pass, renew } = leaseAt();
    renew();
    pass(leaseTiming.writing, -3_600_000);
    expect(lease.isValid()).toBe(false);
  });

  it("tells those who wait whether it is theirs", async () => {
    const { lease, pass, renew } = leaseAt();
    renew();
    pass(leaseTiming.writing, leaseTiming.writing);
    const renewed = lease.settled();
    renew();
    expect(await renewed).toBe(true);
    pass(leaseTiming.writing, leaseTiming.writing);
    const lost = lease.settled();
    lease.lose();
    expect(await lost).toBe(false);
    expect(await lease.settled()).toBe(false);
  });
});

describeDatabases((databases) => {
  /** A run of a worker whose lease has run out, and when somebody looked for such last. */
  const abandoned = async (lastPass: string) => {
    const db = await databases.open(queueMigrations);
    const worker = nameOfLease("test");
    const { id } = await ask(db);
    await db.query(
      "INSERT INTO queue_worker (name, seats, since, seen, lease_until) VALUES ($1, 1, now(), now(), now() - interval '1 minute')",
      [worker],
    );
    await db.query(
      "UPDATE queue_run SET state = 'running', worker = $2, attempt = 1, started_at = now() WHERE id = $1",
      [id, worker],
    );
    await db.query(`INSERT INTO queue_supervision (last_pass) VALUES (now() ${lastPass})`);
    const queue = openQueue(db);
    return {
      ...{ db, id },
      stateAfterALook: async () => {
        await superviseOnce(db, new Settling({}), undefined);
        return (await queue.read(id)).state;
      },
    };
  };

  it("that has run out is taken over", async () => {
    const { stateAfterALook } = await abandoned("- interval '1 second'");
    expect(await stateAfterALook()).toBe("waiting");
  });

  it("leaves a run that had ended before its worker died to its end", async () => {
    const { db, id } = await abandoned("- interval '1 second'");
    const ends: string[] = [];
    const settling = new Settling({
      endOf: async (_, run) => ({
        result: "SUCCESS",
        details: { summary: `attempt ${run.attempt} was over` },
      }),
      onEnd: async (_, run) => void ends.push(run.id),
    });
    await superviseOnce(db, settling, undefined);
    expect(await openQueue(db).read(id)).toMatchObject({
      ...{ state: "ended", result: "SUCCESS", attempt: 1, details: { summary: "attempt 1 was over" } },
    });
    expect(ends).toEqual([id]);
  });

  it("begins anew when nobody could look for a while", async () => {
    const { stateAfterALook } = await abandoned("- interval '1 minute'");
    expect(await stateAfterALook()).toBe("running");
    expect(await stateAfterALook()).toBe("running");
  });

  it("begins anew when the clock of the database was set back", async () => {
    const { stateAfterALook } = await abandoned("+ interval '1 hour'");
    expect(await stateAfterALook()).toBe("running");
  });
});
