import { describe, expect, test } from "vitest";
import type { Comment } from "../../src/forge/index.ts";
import { holdLabel, holdsOf, newestHoldWord } from "../../src/release/hold.ts";

function said(...bodies: string[]): Comment[] {
  return bodies.map((body, index) => ({
    id: String(index),
    author: "ann",
    body,
    createdAt: `2026-01-01T00:00:0${index}Z`,
    isByBot: false,
    isEdited: false,
  }));
}

describe("the newest word about a hold", () => {
  test.each([
    ["/hold", true],
    ["/HOLD", true],
    ["/hold until the release is cut", true],
    ["please wait\n/hold\nthanks", true],
    ["/hold cancel", false],
    ["/hold  Cancel", false],
    ["/unhold", false],
    ["/remove-hold", false],
    ["/hold\r\n", true],
    ["/hold\n/unhold", false],
  ])("is read from %j", (body, held) => {
    expect(newestHoldWord(said(body))?.held).toBe(held);
  });

  test.each([
    "hold",
    " /hold",
    "/holding",
    "/unholdable",
    "> /hold",
    "say /hold to hold it",
    "```\n/hold\n```",
    "~~~~ text\n/hold\n```\n/hold\n~~~~",
    "````\n```\n/hold\n````",
    "```\n``` text\n/hold",
    "<!-- say\n/hold\n-->",
  ])("is not read from %j", (body) => {
    expect(newestHoldWord(said(body))).toBeUndefined();
  });

  test("is nobody's when a program says it", () => {
    const [word] = said("/hold");
    expect(newestHoldWord(word === undefined ? [] : [{ ...word, isByBot: true }])).toBeUndefined();
  });

  test("is the last of several, whoever said it", () => {
    expect(newestHoldWord(said("/hold", "looks good", "/hold cancel"))).toMatchObject({
      held: false,
      at: "2026-01-01T00:00:02Z",
    });
  });
});

describe("what holds a pull request", () => {
  test("is its label, its being a draft, and a status that is not a success", () => {
    const status = { context: "waybill-hold", state: "pending", description: "" } as const;
    expect(holdsOf({ labels: [holdLabel], draft: true }, [status])).toEqual(["label", "draft", "status"]);
    expect(holdsOf({ labels: ["lgtm"], draft: false }, [{ ...status, state: "success" }])).toEqual([]);
    expect(holdsOf({ labels: [], draft: false }, [{ ...status, context: "ci" }])).toEqual([]);
  });
});
