import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { badgeOf } from "../../src/pages/badge.ts";
import { formerAddress } from "../../src/pages/deck.ts";
import { coloring, plainLine } from "../../src/pages/parts/ansi.ts";
import { groupFailures } from "../../src/pages/parts/causes.ts";
import { durationInWords } from "../../src/pages/parts/duration.ts";
import { pageOfRepository } from "../../src/pages/parts/links.tsx";
import { testCasesIn } from "../../src/pages/reports/junit.ts";
import { findingsIn } from "../../src/pages/reports/sarif.ts";
import { runQueryOf } from "../../src/pages/run-query.ts";
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
  type Last = Partial<Record<"lastRun" | "lastSuccess" | "lastFailure", string>>;
  const job = (name: string, last: Last = {}): ListedJobDocument => ({
    ...{ job: { name, repo: "https://example.org/r" }, kind: "build", file: "jobs.yaml", line: 1 },
    ...Object.fromEntries(Object.entries(last).map(([which, id]) => [which, { id } as RunDocument])),
  });
  const good: Last = { lastRun: "9", lastSuccess: "9" };
  const bad: Last = { lastRun: "9", lastFailure: "9", lastSuccess: "8" };

  test.each([
    [[job("a", good)], "a", "passing"],
    [[job("a", { ...good, lastFailure: "8" })], "a", "passing"],
    // What goes on says nothing yet, and does not make good what has failed.
    [[job("a", { ...bad, lastRun: "10" })], "a", "failing a"],
    [[job("a", { lastRun: "10" })], "a", "no results"],
    [[job("a")], "a", "no results"],
    [[job("a", good)], "b", "no results"],
    [[job("post-a", bad), job("post-b", good), job("pull", bad)], "post-*", "failing post-a"],
    [["a", "b", "c", "d"].map((name) => job(name, bad)), "*", "failing a, b, c, ..."],
  ] as const)("%#: %j", (jobs, patterns, words) => {
    expect(badgeOf([...jobs], patterns)).toContain(`aria-label="build: ${words}"`);
  });

  test("hold no markup of a name, and no pattern takes long", () => {
    expect(badgeOf([job('"><script>', bad)], "*")).not.toContain("<script>");
    const pattern = "*a".repeat(200);
    expect(badgeOf([job("a".repeat(199), bad)], pattern)).toContain("no results");
  });
});

describe("filters of Prow's page are those of the list", () => {
  test.each([
    ["", {}],
    ["state=failure&state=error&job=a,post-*", { status: "FAILURE,ERROR", job: "a,post-*" }],
    ["state=pending,aborted&type=", { status: "running,ABORTED" }],
    ["state=unheard-of", { status: "unheard-of" }],
    ["repo=kubernetes/k8s.io&cluster=box", { repo: "*/kubernetes/k8s.io", machine: "box" }],
    [
      "repo=https://example.org/r&author=ann&pull=7",
      { repo: "https://example.org/r", author: "ann", pull: "7" },
    ],
    ["job=push images&search=main, x", { search: "main, x push images" }],
  ])("%s", (search, expected) => {
    expect(runQueryOf(new URLSearchParams(search))).toEqual(expected);
  });
});

test("failures of one cause stand together, whatever differs in their words", () => {
  const run = (id: string, job: string, summary: string) => ({ id, job, summary }) as RunDocument;
  const groups = groupFailures([
    run("5", "a", 'pushing "x" to gcr.io: 429 after 3 attempts'),
    run("4", "b", "no engine"),
    run("3", "b", 'pushing "y" to gcr.io: 429 after 5 attempts'),
    run("2", "a", "deadbeef01 is not deadbeef02"),
  ]);
  expect(groups.map(({ jobs, runs }) => [jobs, runs.map(({ id }) => id)])).toEqual([
    [
      ["a", "b"],
      ["5", "3"],
    ],
    [["b"], ["4"]],
    [["a"], ["2"]],
  ]);
});

describe("reports", () => {
  test("of tests are read, whatever writes them", () => {
    const text = `<?xml version="1.0"?><!-- <testcase name="no"/> -->
      <testsuites><testsuite name="s"><testcase name="a&lt;b" classname="c" time="1.5"/>
      <testcase name='d'><failure message="it's &#x26; bad">more <![CDATA[<b>]]></failure><system-out>x</system-out></testcase>
      <testcase name="e"><skipped/></testcase></testsuite></testsuites>`;
    expect(testCasesIn(text)).toEqual([
      { suite: "c", name: "a<b", outcome: "passed", seconds: "1.5", message: "" },
      { suite: "s", name: "d", outcome: "failed", seconds: "", message: "it's & bad more  <b>" },
      { suite: "s", name: "e", outcome: "skipped", seconds: "", message: "" },
    ]);
    for (const other of ["", "{}", "<html>", "<?xml version='1.0'?><testsuit"]) {
      expect(testCasesIn(other)).toBeUndefined();
    }
    expect(testCasesIn(`<testsuite>${"<!--".repeat(250_000)}`)).toEqual([]);
  });

  test("of findings are read where they are SARIF", () => {
    const place = { physicalLocation: { artifactLocation: { uri: "a.yaml" }, region: { startLine: 7 } } };
    const results = [{ level: "error", ruleId: "r", message: { text: "no" }, locations: [place] }, {}];
    const text = JSON.stringify({
      $schema: "https://json.schemastore.org/sarif-2.1.0.json",
      runs: [{ results }],
    });
    expect(findingsIn(text)).toEqual([
      { level: "error", rule: "r", message: "no", place: "a.yaml:7" },
      { level: "warning", rule: "", message: "", place: "" },
    ]);
    for (const other of ["", "{", '{"runs": 1, "sarif": 2}', "[]"]) expect(findingsIn(other)).toBeUndefined();
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
