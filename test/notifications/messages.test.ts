import { describe, expect, it, test } from "vitest";
import type { Notification } from "../../src/notifications/index.ts";
import { slackMessage, teamsMessage } from "../../src/notifications/send/chat.ts";
import { cloudEventOf } from "../../src/notifications/send/cloud-event.ts";
import { isAddress, mailOf } from "../../src/notifications/send/mail.ts";
import { wordsOf } from "../../src/notifications/words.ts";

const job = (name: string, summary = "registry.example.org cannot be reached") => ({
  ...{ job: name, run: "17", summary, since: "2026-05-01T12:00:00.000Z", failures: 3 },
});
const one: Notification = {
  ...{ id: "3b0c", telling: "failing", cause: "… cannot be reached", at: "2026-05-01T12:01:00.000Z" },
  jobs: [job("post-promo")],
};
const many = {
  ...one,
  jobs: Array.from({ length: 234 }, (_, index) => job(`job-${index}`, "x".repeat(900))),
};
const pageOf = (run: string) => `https://waybill.example.org/runs/${run}`;
const hostile = {
  ...one,
  jobs: [job("<!channel>", "<http://evil|click> @here & *bold*\n\u202etxet\r\nBcc: eve")],
};

describe("words", () => {
  test.each([
    [one, "post-promo fails: registry.example.org cannot be reached"],
    [many, "234 jobs fail: … cannot be reached"],
    [{ ...one, telling: "recovered" }, "post-promo succeeds again"],
    [{ ...one, telling: "waiting" }, "post-promo waits for somebody: registry.example.org cannot be reached"],
  ] as const)("are a title", (notification, title) => {
    expect(wordsOf(notification, pageOf).title).toBe(title);
  });

  it("name twenty jobs at most, and no control characters", () => {
    expect(wordsOf(many, pageOf)).toMatchObject({ more: 214 });
    expect(wordsOf(many, pageOf).lines).toHaveLength(20);
    expect(wordsOf(hostile, pageOf).title).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe("a message of Slack", () => {
  it("has its text, and links", () => {
    const { text, blocks } = JSON.parse(slackMessage(wordsOf(one, pageOf)));
    expect(text).toBe("post-promo fails: registry.example.org cannot be reached");
    expect(blocks[1].text.text).toContain("<https://waybill.example.org/runs/17|post-promo fails since");
  });

  it("mentions nobody and links nowhere else, whatever a job is called", () => {
    const body = slackMessage(wordsOf(hostile, pageOf));
    expect(body).not.toContain("<!channel>");
    expect(body).not.toContain("<http://evil");
    expect(body).not.toContain("@here");
    expect(body.match(/<(?!https:\/\/waybill\.example\.org)/g)).toBeNull();
  });

  it("is within Slack's bounds", () => {
    const { text, blocks } = JSON.parse(slackMessage(wordsOf(many, pageOf)));
    expect(text.length).toBeLessThan(3_000);
    expect(blocks.length).toBeLessThanOrEqual(50);
    for (const block of blocks) expect(block.text.text.length).toBeLessThan(3_000);
    expect(slackMessage(wordsOf(many, pageOf)).length).toBeLessThan(13_200);
  });
});

test("a card of Teams is within its bounds, and its texts are no Markdown", () => {
  const body = teamsMessage(wordsOf(many, pageOf));
  expect(Buffer.byteLength(body)).toBeLessThan(28 * 1024);
  expect(JSON.parse(body).attachments[0].content).toMatchObject({ type: "AdaptiveCard", version: "1.4" });
  expect(JSON.parse(teamsMessage(wordsOf(hostile, pageOf))).attachments[0].content.body[0].text).toContain(
    "\\*bold\\*",
  );
});

test("a CloudEvent is small, and has the same id for each attempt", () => {
  const event = JSON.parse(cloudEventOf(one, "https://waybill.example.org", pageOf));
  expect(event).toMatchObject({
    ...{ specversion: "1.0", id: "3b0c", source: "https://waybill.example.org", subject: "post-promo" },
    ...{ type: "dev.waybill.job.failing.v1", time: "2026-05-01T12:01:00.000Z" },
    data: { jobs: [{ job: "post-promo", run: "17", url: "https://waybill.example.org/runs/17" }], more: 0 },
  });
  const large = cloudEventOf(many, "https://waybill.example.org", pageOf);
  expect(JSON.parse(large).data).toMatchObject({ more: 184 });
  expect(Buffer.byteLength(large)).toBeLessThan(24 * 1024);
});

test("mail makes a thread, and nothing of a job is a header of its own", () => {
  const mail = mailOf(hostile, wordsOf(hostile, pageOf), { from: "waybill@example.org" }, ["a@example.org"]);
  expect(mail.subject).not.toMatch(/[\r\n]/);
  expect(mail).toMatchObject({ messageId: "<3b0c@example.org>", inReplyTo: "<run-17@example.org>" });
  expect(mail.headers).toMatchObject({ "Auto-Submitted": "auto-generated" });
});

test.each([
  ["release@example.com", true],
  ["a.b+c@localhost", true],
  ["Ann <a@b.c>", false],
  ["a@b.c, d@e.f", false],
  ["a@b.c\r\nBcc: d@e.f", false],
  ["a@", false],
  ["@b.c", false],
])("%j is an address or not", (text, expected) => {
  expect(isAddress(text)).toBe(expected);
});
