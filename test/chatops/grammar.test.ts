import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { commandsIn } from "../../src/chatops/grammar.ts";

const read = (body: string) => commandsIn(body).map(({ command }) => command);

describe("a command", () => {
  test.each([
    ["/test all", { name: "test", jobs: "all" }],
    ["/test all,", { name: "test", jobs: "all" }],
    ["/test all please", { name: "test", jobs: "all" }],
    ["/test  all", { name: "test", jobs: ["all"] }],
    ["/test", { name: "list-tests" }],
    ["/test ?", { name: "list-tests" }],
    ["/test ?   ", { name: "list-tests" }],
    ["/test pull-unit", { name: "test", jobs: ["pull-unit"] }],
    ["/test pull-unit, pull-e2e", { name: "test", jobs: ["pull-unit", "pull-e2e"] }],
    ["/test   pull-unit pull-unit", { name: "test", jobs: ["pull-unit"] }],
    ["/retest", { name: "retest" }],
    ["/retest-required", { name: "retest" }],
    ["/rerun", { name: "rerun", jobs: [] }],
    ["/rerun build-a", { name: "rerun", jobs: ["build-a"] }],
    ["/ok-to-test", { name: "ok-to-test" }],
    ["/hold", { name: "hold" }],
    ["/HOLD for the release", { name: "hold" }],
    ["/hold cancel", { name: "hold-cancel" }],
    ["/unhold", { name: "hold-cancel" }],
    ["/remove-hold", { name: "hold-cancel" }],
    ["/lgtm", { name: "lgtm" }],
    ["/LGTM no-issue", { name: "lgtm" }],
    ["/lgtm cancel", { name: "lgtm-cancel" }],
    ["/remove-lgtm", { name: "lgtm-cancel" }],
    ["/approve", { name: "approve" }],
    ["/Approve no-issue", { name: "approve" }],
    ["/approve cancel", { name: "approve-cancel" }],
    ["/approve  CANCEL that", { name: "approve-cancel" }],
    ["/remove-approve", { name: "approve-cancel" }],
  ])("is read from %j", (body, command) => {
    expect(read(body)).toEqual([command]);
    expect(read(`hello\r\n${body}\r\nbye`)).toEqual([command]);
  });

  test.each([
    "test all",
    " /test all",
    "> /test all",
    "/tested all",
    "/Test all",
    "/retest it",
    "/RETEST",
    "/rerunning",
    "/ok-to-test please",
    "/holdings",
    "/lgtm nice",
    "/approved",
    "/lgtm  cancel",
    "`/hold`",
    "please /retest",
    "```\n/test all\n```",
    "~~~\n/test all",
    "    /hold",
    "<!-- never\n/hold\n-->",
    "",
  ])("is not read from %j", (body) => {
    expect(read(body)).toEqual([]);
  });

  it("is one of several, in their order, and of no more than twenty", () => {
    expect(read("/lgtm\nthanks\n/approve\n```\n/hold\n```\n/test a")).toEqual([
      { name: "lgtm" },
      { name: "approve" },
      { name: "test", jobs: ["a"] },
    ]);
    expect(read("/hold\n".repeat(50))).toHaveLength(20);
  });
});

/** Prow's `(?m)^/test( | .* )<name>,?($|\s.*)`, whose `.` and `\s` are Go's. */
function prowTests(body: string, name: string): boolean {
  const escaped = name.replace(/[.]/g, "\\.");
  const regex = new RegExp(`^/test( | [^\\n]* )${escaped},?($|[\\t\\n\\f\\r ][^\\n]*)`, "m");
  return regex.test(body);
}

it("names the jobs that Prow would run", () => {
  const names = ["pull-a", "pull-a-b", "a.b", "b"];
  const piece = fc.constantFrom(...names, " ", "  ", ",", "\t", "/test", "/test ", "x", "-", "?");
  const line = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
  const body = fc.array(
    fc.oneof(
      line,
      line.map((text) => `/test ${text}`),
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(body, (lines) => {
      const text = lines.join("\n");
      const named = new Set(
        read(text).flatMap((command) =>
          command.name === "test" && command.jobs !== "all" ? command.jobs : [],
        ),
      );
      for (const name of names) expect([name, named.has(name)]).toEqual([name, prowTests(text, name)]);
    }),
    { numRuns: 500 },
  );
});

it("is never read from within a code block, and reading never throws", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("/hold", "/test all", "x", "", "- y")), (lines) => {
      expect(read(["````", ...lines, "````"].join("\n"))).toEqual([]);
      expect(read(lines.map((line) => `> ${line}`).join("\n"))).toEqual([]);
    }),
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), (body) => void commandsIn(body)));
});
