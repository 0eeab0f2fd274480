import { describe, expect, test } from "vitest";
import { type RunEvent, startRecording } from "../../src/recording/index.ts";
import { RunError, type RunStore } from "../../src/store/index.ts";
import { memoryRuns } from "../store/memory-runs.ts";

const head = { verb: "promote", by: "ann@laptop", subject: "registry.k8s.io" };
const digest = `sha256:${"a".repeat(64)}` as never;
const bytes: RunEvent = { type: "bytes", destination: "quay.io/app", digest, bytes: 10 };

async function eventsIn(store: RunStore) {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await (await store.find("promote")).artifact("events.jsonl")) ?? [])
    pieces.push(piece);
  const lines = Buffer.concat(pieces).toString().trim().split("\n");
  return lines.slice(1).map((line) => JSON.parse(line));
}

describe("a recording", () => {
  test("counts what comes in thousands, and keeps progress in tenths", async () => {
    const store = memoryRuns();
    const { listener, end } = await startRecording(store, head, expect.fail);
    for (let done = 1; done <= 1000; done += 1) {
      listener({ type: "progress", done, total: 1000 });
      listener(bytes);
      listener({
        type: "request",
        host: "quay.io",
        method: "PUT",
        kind: "list",
        status: 200,
        milliseconds: 1,
      });
    }
    await end("SUCCESS", { status: 0 });
    const events = await eventsIn(store);
    expect(events.filter(({ type }) => type === "progress")).toHaveLength(11);
    expect(events.at(-1)).toMatchObject({
      type: "ended",
      traffic: { hosts: { "quay.io": { bytesSent: 10_000, requests: { list: 1000 } } } },
    });
    expect(events).toHaveLength(13);
  });

  test("takes what is told after its end for no failure", async () => {
    const { listener, log, end, isWhole } = await startRecording(memoryRuns(), head, expect.fail);
    await end("SUCCESS", { status: 0 });
    listener({ type: "left-behind", host: "quay.io" });
    log("late");
    expect(isWhole).toBe(true);
  });

  test("has so many events at most, and says how many there were", async () => {
    let kept = 0;
    const store = memoryRuns();
    const counting: RunStore = {
      ...store,
      start: async (request) => ({
        ...(await store.start(request)),
        append: () => {
          kept += 1;
        },
      }),
    };
    const { listener, end, isWhole } = await startRecording(counting, head, expect.fail);
    for (let at = 0; at < 100_010; at += 1) listener({ type: "left-behind", host: "quay.io" });
    await end("SUCCESS", { status: 0 });
    // All that it may have, and its end.
    expect([kept, isWhole]).toEqual([100_001, true]);
  });

  test("throws nothing, tells once that it is not whole, and goes on", async () => {
    const store = memoryRuns();
    const full = (): never => {
      throw new RunError("run-unwritable", "the disk is full");
    };
    const failing: RunStore = {
      ...store,
      start: async (request) => ({ ...(await store.start(request)), append: full, log: full }),
    };
    const told: string[] = [];
    const recording = await startRecording(failing, head, (reason) => void told.push(reason));
    recording.listener({ type: "left-behind", host: "quay.io" });
    recording.log("a line");
    await recording.report({ format: "waybill-report/1" });
    await recording.end("FAILURE", { thrown: new Error("no") });
    expect(told).toEqual(["the disk is full"]);
    expect(recording.isWhole).toBe(false);
    const run = await store.find("promote");
    expect([run.record.result, await run.artifacts()]).toEqual(["FAILURE", ["report.json"]]);

    const nowhere: RunStore = { ...store, start: async () => full() };
    const none = await startRecording(nowhere, head, (reason) => void told.push(reason));
    none.listener(bytes);
    await none.end("SUCCESS", { status: 0 });
    expect([told, none.isWhole]).toEqual([["the disk is full", "the disk is full"], false]);
  });
});
