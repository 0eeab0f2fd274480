import fc from "fast-check";
import { expect, test } from "vitest";
import { presentable } from "../../src/http/redaction.ts";

test.each([
  ["error: no such user\nsee docs", "error: no such user see docs"],
  ["\u001b[31mred\u001b[0m\u0007", "[31mred [0m"],
  ["GET https://me:pw@host/path", "GET https://[redacted]@host/path"],
  ["Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"],
  ["authorization: basic bWU6cHc=, next", "authorization: basic [redacted], next"],
  ["password=hunter2 failed", "password=[redacted] failed"],
  ['{"token": "abc"}', '{"token": "[redacted]"}'],
  ["key eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "key [redacted]"],
  ["profile arn:aws:iam::123456789012:role/release-manager not found", undefined],
  ["open /home/builder/.config/example-helper/settings.json: permission denied", undefined],
])("%j", (said, shown) => {
  expect(presentable(said, [])).toBe(shown ?? said);
});

test("a known secret never shows, in any of its forms, whatever stands around it", () => {
  const secret = fc.string({ minLength: 4, maxLength: 40 }).filter((text) => text.trim().length >= 4);
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (hidden, before, after) => {
      for (const form of [hidden, Buffer.from(hidden).toString("base64"), encodeURIComponent(hidden)]) {
        fc.pre(!`${before}${after}[redacted]basic bearer`.includes(form.slice(0, 4)));
        expect(presentable(`${before}${form}${after}`, [hidden])).not.toContain(form);
      }
    }),
  );
});

test("a message is bounded", () => {
  expect(presentable("word ".repeat(1000), []).length).toBeLessThanOrEqual(401);
});
