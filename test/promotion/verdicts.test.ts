import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import {
  isProblem,
  isWork,
  noStates,
  reasonTable,
  reportedWords,
  reviewedWords,
  verdictTable,
} from "../../src/promotion/verdicts.ts";

test("the documents say of every verdict what the table does", async () => {
  const page = await readFile(new URL("../../docs/exit-codes-and-reports.md", import.meta.url), "utf8");
  const rows = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  for (const { verdict, meaning } of verdictTable) {
    expect(rows).toContainEqual(["", `\`${verdict}\``, meaning, ""]);
  }
});

test("every verdict has a reason, and is settled, work or a problem", () => {
  for (const { verdict, effect } of verdictTable) {
    expect(reasonTable.some((row) => row.verdict === verdict)).toBe(true);
    expect([isWork(verdict), isProblem(verdict)]).toEqual([effect === "work", effect === "problem"]);
  }
  expect(Object.keys(noStates())).toEqual(
    "done failed pending present conflict lost overlap unread refused withheld".split(" "),
  );
});

test("an overlap is said to be claimed twice, in reports and in reviews", () => {
  expect([reportedWords.overlap, reviewedWords.overlap]).toEqual(["claimed twice", "claimed twice"]);
});
