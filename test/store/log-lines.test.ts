import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isLogExpression, type LogLine, openLogLines, type StoredRun } from "../../src/store/index.ts";

/** A log of these bytes, which comes in pieces. */
function stored(bytes: () => Uint8Array, piece = 7, id = "1"): StoredRun & { readonly given: () => number } {
  let given = 0;
  const record = {
    ...{ job: "job", id, where: "", log: "", startedAt: undefined, finishedAt: undefined },
    ...{
      result: "PENDING" as const,
      head: undefined,
      refs: undefined,
      revision: undefined,
      planHash: undefined,
    },
  };
  return {
    record,
    given: () => given,
    async *log(from = 0) {
      const all = bytes();
      for (let at = from; at < all.length; at += piece) {
        const part = all.subarray(at, Math.min(all.length, at + piece));
        given += part.length;
        yield part;
      }
    },
    artifacts: async () => [],
    artifact: async () => undefined,
  };
}

/** The same, from a whole log. */
function linesOf(text: string): readonly string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => line.replace(/\r$/, ""));
}

const words = (text: string) => ({ text, isExpression: false });
const texts = (lines: readonly LogLine[]): readonly string[] => lines.map(({ text }) => text);

test("lines are those of the whole log, wherever one begins and however it comes", async () => {
  const line = fc.string({ unit: fc.constantFrom("a", "é", "€", "\r", " "), maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 40 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 45 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 30 }),
      async (lines, endsOpen, first, count, piece) => {
        const text = `${lines.join("\n")}${endsOpen || lines.length === 0 ? "" : "\n"}`;
        const expected = linesOf(text);
        const logs = openLogLines();
        const run = stored(() => Buffer.from(text), piece);
        const part = await logs.read(run, [{ from: first, to: first + count - 1 }]);
        expect(texts(part.lines)).toEqual(expected.slice(first - 1, first - 1 + count));
        expect(part.lines.map(({ number }) => number)).toEqual(
          expected.slice(first - 1, first - 1 + count).map((_, at) => first + at),
        );
        expect(part).toMatchObject({
          ...{ total: expected.length, size: Buffer.byteLength(text) },
          isOpen: text !== "" && !text.endsWith("\n"),
        });
        const last = await logs.end(run, count);
        expect(texts(last.lines)).toEqual(expected.slice(-count));
      },
    ),
  );
});

test("a log that grows is looked through from where it was", async () => {
  let text = "one\ntw";
  const run = stored(() => Buffer.from(text));
  const logs = openLogLines();
  expect(texts((await logs.read(run, [{ from: 1, to: 10 }])).lines)).toEqual(["one", "tw"]);
  text += "o\nthree\n";
  expect(texts((await logs.read(run, [{ from: 2, to: 11 }])).lines)).toEqual(["two", "three"]);
  expect((await logs.end(run, 1)).total).toBe(3);
});

test("a line anywhere in a large log is found without reading what is before it", async () => {
  const text = Buffer.from(Array.from({ length: 200_000 }, (_, at) => `line ${at + 1}\n`).join(""));
  const run = stored(() => text, 65_536);
  const logs = openLogLines();
  await logs.read(run, [{ from: 1, to: 1 }]);
  const before = run.given();
  expect(texts((await logs.read(run, [{ from: 150_000, to: 150001 }])).lines)).toEqual([
    "line 150000",
    "line 150001",
  ]);
  expect(run.given() - before).toBeLessThan(300_000);
});

test("of a line without end its beginning is shown, and what comes after it is found", async () => {
  const long = Buffer.concat([Buffer.from("first\n"), Buffer.alloc(8_000_000, "x"), Buffer.from("\nlast\n")]);
  const run = stored(() => long, 65_536);
  const logs = openLogLines();
  const { lines, total } = await logs.read(run, [{ from: 1, to: 10 }]);
  expect(total).toBe(3);
  expect(lines.map(({ text, cut }) => [text.length, cut])).toEqual([
    [5, 0],
    [16_384, 8_000_000 - 16_384],
    [4, 0],
  ]);
  const before = run.given();
  await logs.read(run, [{ from: 2, to: 11 }]);
  expect(run.given() - before).toBeLessThan(300_000);
});

test("of a line of 64 MiB that has not ended nothing is kept but its beginning, and it is read once", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const [size, piece] = [64 * 1024 * 1024, 64 * 1024];
  const given: WeakRef<Uint8Array>[] = [];
  let most = 0;
  const run = {
    record: stored(() => new Uint8Array()).record,
    async *log(from = 0) {
      for (let at = from; at < size; at += piece) {
        const part = new Uint8Array(piece).fill(120);
        given.push(new WeakRef(part));
        yield part;
        if (given.length % 128 !== 0) continue;
        // What was looked at is kept until the next turn.
        await new Promise((resolve) => setImmediate(resolve));
        collect();
        most = Math.max(most, given.filter((one) => one.deref() !== undefined).length);
      }
    },
  };
  const logs = openLogLines();
  const { lines, size: scanned, isOpen } = await logs.read(run, [{ from: 1, to: 10 }]);
  expect(lines.map(({ text, cut }) => [text.length, cut])).toEqual([[16_384, size - 16_384]]);
  expect([scanned, isOpen]).toEqual([size, true]);
  expect(most).toBeLessThanOrEqual(8);
  const before = given.length;
  await logs.read(run, [{ from: 1, to: 10 }]);
  await logs.find(run, words("y"), 1);
  expect(given.length - before).toBeLessThanOrEqual(2);
});

test("a text is found in whichever case, some lines at a time", async () => {
  const text = Array.from({ length: 500 }, (_, at) => (at % 2 === 0 ? `Failed ${at + 1}` : "fine")).join(
    "\n",
  );
  const logs = openLogLines();
  const run = stored(() => Buffer.from(text), 1000);
  const first = await logs.find(run, words("fAILED"), 1);
  expect(first.lines).toHaveLength(200);
  expect(first.next).toBe(400);
  const rest = await logs.find(run, words("failed"), first.next ?? 0);
  expect(rest.lines).toHaveLength(50);
  expect(rest.next).toBeUndefined();
  expect((await logs.find(run, words("nothing"), 1)).lines).toEqual([]);
});

test("an expression finds what it says, and one that is none is known before", async () => {
  const text = "step 1 failed\nstep 22 passed\nSTEP 3 Failed\n";
  const logs = openLogLines();
  const run = stored(() => Buffer.from(text), 1000);
  const { lines } = await logs.find(run, { text: "step \\d+ failed$", isExpression: true }, 1);
  expect(lines.map(({ number }) => number)).toEqual([1, 3]);
  expect(["(a*)*b", "a(", "(?=a)", "\\1"].map(isLogExpression)).toEqual([true, false, false, false]);
});

test("an expression whose program is too large is none, however short it is", () => {
  const usual = ["sha256:[0-9a-f]{64}", "(denied|timeout).{0,300}registry", "x".repeat(500)];
  expect(usual.map(isLogExpression)).toEqual([true, true, true]);
  const large = ["(?:.?){1000}X", "e.{20}Q|(?:.?){900}X", "(?:.?){1000}".repeat(40)];
  expect(large.map(isLogExpression)).toEqual([false, false, false]);
});

test("others have their turn while very long lines are looked through, the sooner the larger the program", async () => {
  const text = `${"ef".repeat(8_000)}\n`.repeat(32);
  const logs = openLogLines();
  const run = stored(() => Buffer.from(text), 65_536);
  await logs.read(run, [{ from: 1, to: 1 }]);
  const turnsOf = async (expression: string) => {
    let turns = 0;
    let isOver = false;
    const count = () => {
      if (isOver) return;
      turns += 1;
      setImmediate(count);
    };
    setImmediate(count);
    const { next } = await logs.find(run, { text: expression, isExpression: true }, 1);
    isOver = true;
    return { turns, next };
  };
  const small = await turnsOf("nothing");
  expect(small.next).toBeUndefined();
  expect(small.turns).toBeGreaterThanOrEqual(1);
  const large = await turnsOf("(?:e.?){200}X");
  // It is left to the next request.
  expect(large.next).toBeLessThan(32);
  expect(large.turns).toBeGreaterThanOrEqual(Number(large.next) - 2);
});

test("nothing more is looked through for somebody who has gone", async () => {
  const text = `${"ef".repeat(8_000)}\n`.repeat(300);
  const logs = openLogLines();
  const run = stored(() => Buffer.from(text), 65_536);
  await logs.read(run, [{ from: 1, to: 1 }]);
  const gone = new AbortController();
  setImmediate(() => gone.abort());
  const { next } = await logs.find(run, words("nothing"), 1, gone.signal);
  expect(next).toBeLessThan(200);
});

test("lines of several places come together, with the times at which they were written", async () => {
  const text = Array.from({ length: 100 }, (_, at) => `line ${at + 1}\n`).join("");
  const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1000);
  const times = [
    { offset: 7, at: at(1) },
    { offset: text.indexOf("line 50\n"), at: at(2) },
  ];
  const run = {
    ...stored(() => Buffer.from(text), 64),
    logTimes: async (_: number, to: number) => times.filter(({ offset }) => offset <= to),
  };
  const { lines, total } = await openLogLines().read(run, [
    { from: 1, to: 2 },
    { from: 49, to: 50 },
    { from: 99, to: 120 },
  ]);
  expect(total).toBe(100);
  expect(lines.map(({ number, at }) => [number, at?.getTime()])).toEqual([
    [1, undefined],
    [2, at(1).getTime()],
    [49, at(1).getTime()],
    [50, at(2).getTime()],
    [99, at(2).getTime()],
    [100, at(2).getTime()],
  ]);
});

test("chapters of a log are what has marked them, and what went wrong is known by its words", async () => {
  const text = [
    'Step #0 - "pull": Already have image',
    'Step #1 - "build": compiling, 0 errors, no error',
    'Step #0 - "pull": again',
    'Step #1 - "build": \u001b[31mERROR\u001b[0m: it broke',
    "::group::Größe",
    "--- a/file.ts",
    "--- FAIL: TestIt (0.00s)",
    "--- Deploy it",
    "without error, 0 failed",
    "",
    "--- attempt 2 of this run begins ---",
    "",
    '[build one] Step #1 - "build": fine',
    "+++ b/file.ts",
    "------------",
  ].join("\n");
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 600 }), async (piece) => {
      const { chapters, suspects, suspected } = await openLogLines().outline(
        stored(() => Buffer.from(text), piece),
      );
      expect(chapters.map(({ line, title, kind }) => `${line} ${kind} ${title}`)).toEqual([
        '1 step Step #0 - "pull"',
        '2 step Step #1 - "build"',
        "5 group Größe",
        "8 section Deploy it",
        "11 attempt attempt 2",
        '13 step [build one] Step #1 - "build"',
      ]);
      expect([suspects, suspected]).toEqual([[4, 7], 2]);
    }),
  );
});
