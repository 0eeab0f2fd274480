import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { presentable, shownHeader, shownUrl } from "../../src/http/redaction.ts";

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

describe("what is shown of requests", () => {
  test.each([
    ["https://ann:pw@host/v2/app/tags/list?n=10&last=v1", "https://host/v2/app/tags/list?n=10&last=v1"],
    ["https://host/up?_state=abc&digest=sha256:00", "https://host/up?_state=…&digest=sha256:00"],
    ["https://host/x?Signature=a%20b&Expires=1#part", "https://host/x?Signature=…&Expires=…"],
    ["https://host/v2/x/uploads/AJMJKh5Zq0WQ0zvTq1a2b3c4d5/", "https://host/v2/x/uploads/…/"],
    ["https://host/blobs/sha256/0123456789abcdef0123456789abcdef", undefined],
    ["https://host/x?bare&=odd", "https://host/x?…&…"],
  ])("%s", (address, shown) => {
    expect(shownUrl(new URL(address))).toBe(shown ?? address);
  });

  const from = new URL("https://host/v2/x/blobs/uploads/");
  test.each([
    ["authorization", "Basic YW5uOnB3", "Basic [redacted]"],
    ["authorization", "whatever", "[redacted]"],
    ["cookie", "a=b", "[redacted]"],
    ["x-amz-security-token", "abc", "[redacted]"],
    ["location", "/up/1?_state=abc", "https://host/up/1?_state=…"],
    ["location", "http://ann:pw@other/x?sig=1", "http://other/x?sig=…"],
    ["location", "https://[", "[redacted]"],
    ["location", "/up/1?c2VjcmV0", "https://host/up/1?…"],
    ["location", "/up/1?c2VjcmV0==&tag=v1", "https://host/up/1?…&tag=v1"],
    ["location", "/up/1?QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "https://host/up/1?…"],
    [
      "link",
      '</v2/x/tags/list?last=v9&n=2&key=abc>; rel="next"',
      "<https://host/v2/x/tags/list?last=v9&n=2&key=…>",
    ],
    ["link", "/v2/x/tags/list?key=abc; rel=next", "[redacted]"],
    ["link", "\u009b31m, </a>; key=abc, </b>; x", "<https://host/a> <https://host/b>"],
    ["content-type", "text/plain\r\nx: y", "text/plain x: y"],
    ["x-request-id", "7f0c", "7f0c"],
    ["ratelimit-remaining", "99;w=21600", "99;w=21600"],
    ["server", "you sent p4ssw0rd", "you sent [redacted]"],
  ])("%s: %s", (name, value, shown) => {
    expect(shownHeader(name, value, from, ["p4ssw0rd"])).toBe(shown);
  });
});
