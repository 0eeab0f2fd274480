import fc from "fast-check";
import { expect, test } from "vitest";
import { type LogLine, openLogLines, type StoredRun } from "../../src/store/index.ts";

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
        const part = await logs.read(run, { first }, count);
        expect(texts(part.lines)).toEqual(expected.slice(first - 1, first - 1 + count));
        expect(part.lines.map(({ number }) => number)).toEqual(
          expected.slice(first - 1, first - 1 + count).map((_, at) => first + at),
        );
        expect(part).toMatchObject({ total: expected.length, size: Buffer.byteLength(text) });
        const last = await logs.read(run, "last", count);
        expect(texts(last.lines)).toEqual(expected.slice(-count));
      },
    ),
  );
});

test("a log that grows is looked through from where it was", async () => {
  let text = "one\ntw";
  const run = stored(() => Buffer.from(text));
  const logs = openLogLines();
  expect(texts((await logs.read(run, { first: 1 }, 10)).lines)).toEqual(["one", "tw"]);
  text += "o\nthree\n";
  expect(texts((await logs.read(run, { first: 2 }, 10)).lines)).toEqual(["two", "three"]);
  expect((await logs.read(run, "last", 1)).total).toBe(3);
});

test("a line anywhere in a large log is found without reading what is before it", async () => {
  const text = Buffer.from(Array.from({ length: 200_000 }, (_, at) => `line ${at + 1}\n`).join(""));
  const run = stored(() => text, 65_536);
  const logs = openLogLines();
  await logs.read(run, { first: 1 }, 1);
  const before = run.given();
  expect(texts((await logs.read(run, { first: 150_000 }, 2)).lines)).toEqual(["line 150000", "line 150001"]);
  expect(run.given() - before).toBeLessThan(300_000);
});

test("of a line without end its beginning is shown, and what comes after it is found", async () => {
  const long = Buffer.concat([Buffer.from("first\n"), Buffer.alloc(8_000_000, "x"), Buffer.from("\nlast\n")]);
  const run = stored(() => long, 65_536);
  const logs = openLogLines();
  const { lines, total } = await logs.read(run, { first: 1 }, 10);
  expect(total).toBe(3);
  expect(lines.map(({ text, cut }) => [text.length, cut])).toEqual([
    [5, 0],
    [16_384, 8_000_000 - 16_384],
    [4, 0],
  ]);
  const before = run.given();
  await logs.read(run, { first: 2 }, 10);
  expect(run.given() - before).toBeLessThan(300_000);
});

test("a text is found in whichever case, some lines at a time", async () => {
  const text = Array.from({ length: 500 }, (_, at) => (at % 2 === 0 ? `Failed ${at + 1}` : "fine")).join(
    "\n",
  );
  const logs = openLogLines();
  const run = stored(() => Buffer.from(text), 1000);
  const first = await logs.find(run, "fAILED", 1);
  expect(first.lines).toHaveLength(200);
  expect(first.next).toBe(400);
  const rest = await logs.find(run, "failed", first.next ?? 0);
  expect(rest.lines).toHaveLength(50);
  expect(rest.next).toBeUndefined();
  expect((await logs.find(run, "nothing", 1)).lines).toEqual([]);
});
