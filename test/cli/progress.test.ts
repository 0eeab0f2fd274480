import { describe, expect, it } from "vitest";
import { type Clock, logProgress, openProgress } from "../../src/cli/progress.ts";
import { ProgressTally } from "../../src/cli/progress-tally.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { digestOf } from "../../src/oci/index.ts";

const MiB = 1024 * 1024;
const [large, small] = ["large", "small"].map((name) => digestOf(Buffer.from(name)));
const shown = (digest = large) => String(digest).slice(0, 19);

/** A clock that a test sets. */
function handClock(): Clock & { forward(seconds: number): void } {
  let time = Date.UTC(2026, 0, 1);
  const works = new Set<{ readonly milliseconds: number; due: number; readonly work: () => void }>();
  return {
    now: () => time,
    every(milliseconds, work) {
      const entry = { milliseconds, due: time + milliseconds, work };
      works.add(entry);
      return () => works.delete(entry);
    },
    forward(seconds) {
      for (const end = time + seconds * 1000; time < end; time += 500) {
        for (const entry of works) {
          if (entry.due > time) continue;
          entry.due += entry.milliseconds;
          entry.work();
        }
      }
    },
  };
}

const started = (digest = large, size = 300 * MiB, destination = "quay.io/prod/app") =>
  ({ type: "blob-started", image: large as never, destination, digest: digest as never, size }) as const;
const bytes = (count: number, destination = "quay.io/prod/app", digest = large) =>
  ({ type: "bytes", destination, digest: digest as never, bytes: count }) as const;

describe("how far a copy has come", () => {
  it("is bytes of all bytes, a rate, the time left, and what is moving", () => {
    const clock = handClock();
    const tally = new ProgressTally(clock.now);
    tally.begin("Promoting", 40, 2);
    tally.hear({ type: "progress", done: 12, total: 40 });
    tally.hear({ type: "image-started", digest: large as never });
    for (const host of ["quay.io", "ghcr.io"]) tally.hear(started(large, 300 * MiB, `${host}/prod/app`));
    tally.hear(started(small, MiB));
    for (let second = 0; second < 10; second += 1) {
      clock.forward(1);
      tally.hear(bytes(9 * MiB));
      tally.hear(bytes(3 * MiB, "ghcr.io/prod/app"));
    }
    expect(tally.inLog()).toBe(
      "Promoting: 12 of 40, 120.0 MiB of 601.0 MiB so far, 13.3 MiB/s, more than 37 s left; " +
        `${shown()} to quay.io (90.0 MiB of 300.0 MiB) and 1 more blob to 2 hosts`,
    );
    tally.hear({ type: "image-started", digest: small as never });
    expect(tally.onTerminal()).toContain("  120.0 MiB of 601.0 MiB  13.3 MiB/s  37 s left  sha256:");
  });

  it("is the same for blobs that are only read", () => {
    const clock = handClock();
    const tally = new ProgressTally(clock.now);
    tally.begin("Verifying repositories", 3, 0);
    tally.hear({ type: "progress", done: 1, total: 3 });
    for (let second = 1; second <= 10; second += 1) {
      clock.forward(1);
      tally.hear({ type: "bytes-read", more: 10 * MiB, done: second * 10 * MiB, total: 400 * MiB });
    }
    expect(tally.inLog()).toBe(
      "Verifying repositories: 1 of 3, 100.0 MiB of 400.0 MiB, 11.1 MiB/s, 28 s left",
    );
  });

  it("forgets what turned out to be there, or could not be brought, and sends nothing twice", () => {
    const tally = new ProgressTally(handClock().now);
    tally.begin("Promoting", 2, 1);
    tally.hear({ type: "image-started", digest: large as never });
    tally.hear(started(large, 10 * MiB));
    tally.hear(started(small, 4 * MiB));
    tally.hear(started(small, 4 * MiB, "ghcr.io/prod/app"));
    tally.hear(bytes(25 * MiB));
    expect(tally.inLog()).toContain("10.0 MiB of 18.0 MiB");
    const end = { digest: small as never, size: 4 * MiB };
    tally.hear({ ...end, type: "blob-finished", destination: "quay.io/prod/app", outcome: "mounted" });
    tally.hear({ ...end, type: "blob-failed", destination: "ghcr.io/prod/app" });
    const whole = { digest: large as never, size: 10 * MiB, destination: "quay.io/prod/app" };
    tally.hear({ ...whole, type: "blob-finished", outcome: "pushed" });
    expect(tally.inLog()).toMatch(/^Promoting: 0 of 2, 10\.0 MiB of 10\.0 MiB, [\d.]+ MiB\/s$/);
  });

  it("has no rate and no time left when nothing has moved of late", () => {
    const clock = handClock();
    const tally = new ProgressTally(clock.now);
    tally.begin("Promoting", 1, 0);
    tally.hear(started());
    tally.hear(bytes(MiB));
    clock.forward(60);
    tally.watch(() => [{ host: "quay.io", count: 1, since: clock.now() - 59_000 }]);
    expect(tally.inLog()).toBe(
      `Promoting: 1.0 MiB of 300.0 MiB; ${shown()} to quay.io (1.0 MiB of 300.0 MiB)`,
    );
  });
});

describe("who is waited for", () => {
  it("is named, with for how long, or until when", () => {
    const clock = handClock();
    const tally = new ProgressTally(clock.now);
    tally.begin("Reading repositories", 40, 0);
    tally.hear({ type: "progress", done: 3, total: 40 });
    expect(tally.describe()).toBeUndefined();
    tally.watch(() => [
      { host: "quay.io", count: 4, since: clock.now() - 3000 },
      { host: "ghcr.io", count: 1, since: clock.now() - 23_000 },
    ]);
    tally.waits("waiting for quay.io (status 429)", 30_000);
    const until = new Date(clock.now() + 30_000).toTimeString().slice(0, 8);
    expect(tally.inLog()).toBe(
      "Reading repositories: 3 of 40; 1 answer of ghcr.io for 23 s and 1 more host; " +
        `waiting for quay.io (status 429) until ${until}`,
    );
    clock.forward(31);
    expect(tally.inLog()).not.toContain("until");
  });
});

describe("a log", () => {
  function opened(options: { quiet?: boolean } = {}) {
    const lines: string[] = [];
    const stderr = { write: (text: string | Uint8Array) => lines.push(String(text)) };
    const clock = handClock();
    const progress = logProgress(createTerminal({ stdout: stderr, stderr, env: {} }, options), clock);
    return { progress, clock, lines };
  }

  it("has a line every 15 s while anything goes on, and none afterwards", () => {
    const { progress, clock, lines } = opened();
    progress.begin("Reading repositories");
    progress.watch(() => [{ host: "quay.io", count: 1, since: clock.now() - 1000 }]);
    clock.forward(46);
    expect(lines).toEqual([
      "Reading repositories\n",
      ...Array.from({ length: 3 }, () => "Reading repositories; 1 answer of quay.io for 1 s\n"),
    ]);
    progress.begin("Promoting", 2);
    clock.forward(16);
    progress.end();
    clock.forward(60);
    expect(lines.slice(4)).toEqual(["Promoting\n", expect.stringContaining("Promoting: 0 of 2; 1 answer")]);
  });

  it("is left alone while others say something, and when quiet", () => {
    const { progress, clock, lines } = opened();
    progress.begin("Building");
    for (let line = 0; line < 6; line += 1) {
      clock.forward(10);
      progress.heard();
    }
    expect(lines).toEqual(["Building\n"]);
    clock.forward(31);
    expect(lines.length).toBeGreaterThan(1);
    const quiet = opened({ quiet: true });
    quiet.progress.begin("Building");
    quiet.clock.forward(31);
    expect(quiet.lines).toEqual([]);
  });
});

describe("a bar", () => {
  it("makes room for what has to be said meanwhile", async () => {
    let drawn = "";
    const canvas = { isTTY: true, columns: 90, write: (text: string | Uint8Array) => (drawn += text) };
    const terminal = createTerminal({ stdout: canvas, stderr: canvas, env: {} }, {});
    terminal.say("a word");
    expect(drawn).toBe("\r\u001b[Ka word\n");
  });

  it("goes on with the clock, and stays within the terminal", async () => {
    let drawn = "";
    const canvas = { isTTY: true, columns: 90, write: (text: string | Uint8Array) => (drawn += text) };
    const clock = handClock();
    const terminal = createTerminal({ stdout: canvas, stderr: canvas, env: {} }, {});
    const progress = await openProgress(terminal, clock);
    progress.begin("Promoting", 10, 1);
    progress.listener({ type: "image-started", digest: large as never });
    progress.listener(started());
    progress.listener(bytes(100 * MiB));
    clock.forward(2);
    progress.end();
    expect(drawn).toContain("0/10  100.0 MiB of 300.0 MiB");
  });

  it.each([
    ["a wide terminal", 160, /^Promoting -{24} 0\/10 {2}100\.0 MiB .* left {2}sha256:\w+ to .*\)$/],
    [
      "the usual one",
      80,
      /^Promoting 0\/10 {2}100\.0 MiB of 300\.0 MiB {2}\S+ MiB\/s {2}\d+ s left {2}sha256:/,
    ],
    [
      "one that says no size",
      0,
      /^Promoting 0\/10 {2}100\.0 MiB of 300\.0 MiB {2}\S+ MiB\/s {2}\d+ s left {2}sha256:/,
    ],
    ["a narrow one", 40, /^Promoting 0\/10 {2}100\.0 MiB of 300/],
  ])("gives way to what is said of bytes: %s", async (_, columns, line) => {
    let drawn = "";
    const canvas = { isTTY: true, columns, write: (text: string | Uint8Array) => (drawn += text) };
    const clock = handClock();
    const terminal = createTerminal({ stdout: canvas, stderr: canvas, env: {} }, {});
    const progress = await openProgress(terminal, clock);
    progress.begin("Promoting", 10, 1);
    progress.listener({ type: "image-started", digest: large as never });
    progress.listener(started());
    progress.listener(bytes(100 * MiB));
    clock.forward(2);
    progress.end();
    const lines = drawn
      .split("\u001b")
      .map((part) => part.replace(/^(?:\[\d*[A-Za-z]|[78])/, "").replaceAll("\r", ""))
      .filter((text) => text !== "");
    expect(lines.at(-1)).toMatch(line);
    for (const text of lines) expect(text.length).toBeLessThan(columns || 80);
  });
});
