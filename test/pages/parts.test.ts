import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { badgeOf } from "../../src/pages/badge.ts";
import { formerAddress } from "../../src/pages/deck.ts";
import { coloring, plainLine } from "../../src/pages/parts/ansi.tsx";
import { durationInWords } from "../../src/pages/parts/duration.ts";
import { pageOfRepository } from "../../src/pages/parts/links.tsx";
import type { ListedJobDocument, RunDocument } from "../../src/server/index.ts";

describe("addresses of Prow's pages lead to what is here", () => {
  test.each([
    ["/?job=post-k8sio-image-promo", "/runs?job=post-k8sio-image-promo"],
    ["/?state=failure&type=periodic", "/runs?state=failure&type=periodic"],
    [
      "/view/gs/kubernetes-jenkins/logs/apisnoop-push-snoopdb-images/1384977461019676672",
      "/runs/1384977461019676672",
    ],
    ["/view/gs/b/pr-logs/pull/org_repo/5/job/1384977461019676672/", "/runs/1384977461019676672"],
    ["/job-history/gs/kubernetes-jenkins/logs/push-images", "/jobs/push-images"],
    ["/log?job=push&id=1384977461019676672", "/api/v1/runs/1384977461019676672/log"],
    ["/prowjob?prowjob=1384977461019676672", "/runs/1384977461019676672"],
    [
      "/pr-history?org=cncf&repo=apisnoop&pr=7",
      "/runs?repo=https%3A%2F%2Fgithub.com%2Fcncf%2Fapisnoop&pull=7",
    ],
    ["/configured-jobs/cncf", "/jobs"],
    ["/", undefined],
    ["/tide", undefined],
    ["/view/gs/b/logs/job/latest-build.txt", undefined],
    ["/pr-history?org=a%2Fb&repo=c&pr=1", undefined],
    ["/job-history/gs/b/logs/..%2F..%2Fx", undefined],
  ])("%s", (address, expected) => {
    expect(formerAddress(new URL(address, "https://waybill.example"))).toBe(expected);
  });
});

describe("badges", () => {
  const job = (name: string, result?: RunDocument["result"]): ListedJobDocument => ({
    ...{ job: { name, repo: "https://example.org/r" }, kind: "build", file: "jobs.yaml", line: 1 },
    lastRun: result === undefined ? undefined : ({ result } as RunDocument),
  });

  test.each([
    [[job("a", "SUCCESS")], "a", "passing"],
    [[job("a", "ABORTED"), job("b", "ERROR")], "a,b", "passing"],
    [[job("a")], "a", "no results"],
    [[job("a", "SUCCESS")], "b", "no results"],
    [
      [job("post-a", "FAILURE"), job("post-b", "SUCCESS"), job("pull", "FAILURE")],
      "post-*",
      "failing post-a",
    ],
    [["a", "b", "c", "d"].map((name) => job(name, "FAILURE")), "*", "failing a, b, c, ..."],
  ] as const)("%#: %j", (jobs, patterns, words) => {
    expect(badgeOf([...jobs], patterns)).toContain(`aria-label="build: ${words}"`);
  });

  test("hold no markup of a name, and no pattern takes long", () => {
    expect(badgeOf([job('"><script>', "FAILURE")], "*")).not.toContain("<script>");
    const pattern = "*a".repeat(200);
    expect(badgeOf([job("a".repeat(199), "FAILURE")], pattern)).toContain("no results");
  });
});

describe("a line of a log", () => {
  test.each([
    ["a\u001b[2Kb\u001b[1;1Hc", "abc"],
    ["\u001b]8;;javascript:alert(1)\u0007link\u001b]8;;\u0007", "link"],
    ["\u001b]0;title\u001b\\text", "text"],
    ["10 %\r50 %\r100 %", "100 %"],
    ["done\r", "done"],
    [`${"\r".repeat(16_000)}x`, "x"],
    ["\r\r", ""],
    ["a\u0000\u0007\u0008b\tc", "ab\tc"],
    ["\u202ecod.exe", "⟨U+202E⟩cod.exe"],
    ["\u001bPq#0\u001b\\x", "x"],
  ])("%j is %j", (line, expected) => {
    expect(plainLine(line)).toBe(expected);
  });

  test("keeps its colors, which go on in the next one", () => {
    const piecesOf = coloring();
    expect(piecesOf("a \u001b[1;31mred")).toEqual([
      { text: "a ", classes: undefined },
      { text: "red", classes: "ansi-red-fg ansi-bold" },
    ]);
    expect(piecesOf("still\u001b[0m not")).toEqual([
      { text: "still", classes: "ansi-red-fg ansi-bold" },
      { text: " not", classes: undefined },
    ]);
  });

  test("is text and known classes, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (line) => {
        for (const { classes, text } of coloring()(line)) {
          expect(classes ?? "").toMatch(/^[a-z -]*$/);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
          expect(text).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        }
      }),
    );
  });
});

test("a browser is sent to addresses of the web alone", () => {
  expect(pageOfRepository("https://github.com/cncf/apisnoop.git")?.href).toBe(
    "https://github.com/cncf/apisnoop",
  );
  expect(pageOfRepository("https://user:secret@example.org/r?x#y")?.href).toBe("https://example.org/r");
  for (const other of [
    "javascript:alert(1)",
    "file:///etc/passwd",
    "git@github.com:a/b",
    "data:text/html,x",
  ]) {
    expect(pageOfRepository(other)).toBeUndefined();
  }
});

test.each([
  [0, "0 s"],
  [59_400, "59 s"],
  [60_000, "1 min"],
  [3_723_000, "1 h 2 min"],
  [90_000_000, "1 d 1 h"],
])("%d ms are %s", (milliseconds, words) => {
  expect(durationInWords(milliseconds)).toBe(words);
});
