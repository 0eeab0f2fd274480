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
    ["etag", '"you sent p4ssw0rd"', '"you sent [redacted]"'],
  ])("%s: %s", (name, value, shown) => {
    expect(shownHeader(name, value, from, ["p4ssw0rd"])).toBe(shown);
  });

  const harmless: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "CNCF Distribution": {
      "docker-content-digest": `sha256:${"0a".repeat(32)}`,
      "docker-distribution-api-version": "registry/2.0",
      etag: `"sha256:${"0a".repeat(32)}"`,
      "oci-chunk-min-length": "1024",
      "oci-filters-applied": "artifactType",
      "oci-subject": `sha256:${"0b".repeat(32)}`,
      "oci-tag": "v1, v1.2",
      "x-content-type-options": "nosniff",
    },
    "Docker Hub": {
      "docker-ratelimit-source": "186e63fa-abf0-4deb-a711-0dbd34c4a821",
      "ratelimit-limit": "100;w=21600",
      "strict-transport-security": "max-age=31536000",
    },
    Google: {
      "alt-svc": 'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000',
      "content-disposition": "attachment",
      "x-cloud-trace-context": "105445aa7843bc8bf206b12000100000/1;o=1",
      "x-frame-options": "SAMEORIGIN",
      "x-goog-generation": "1699999999999999",
      "x-goog-hash": "crc32c=8Q==",
      "x-goog-stored-content-length": "123",
      "x-xss-protection": "0",
    },
    Amazon: {
      "x-amz-cf-pop": "FRA56-P1",
      "x-amz-checksum-crc32c": "8Q==",
      "x-amz-request-id": "4442587FB7D0A2F9",
      "x-amz-server-side-encryption": "AES256",
      "x-amzn-requestid": "7f0c",
      "x-amzn-trace-id": "Root=1-67891233-abcdef",
      "x-cache": "Hit from cloudfront",
    },
    Azure: {
      "access-control-expose-headers":
        "Docker-Content-Digest, WWW-Authenticate, Link, X-Ms-Correlation-Request-Id",
      "x-ms-correlation-request-id": "7f0c",
      "x-ms-error-code": "BlobNotFound",
      "x-ms-ratelimit-remaining-calls-per-second": "166.65",
      "x-ms-version": "2018-11-09",
    },
    "Quay and Harbor, behind nginx": {
      "content-language": "en",
      server: "nginx/1.27.0",
      "x-correlation-id": "7f0c",
      "x-request-id": "7f0c",
      "x-total-count": "12",
    },
    Artifactory: { "x-artifactory-id": "3f7b5d", "x-jfrog-version": "Artifactory/7.90.1 79001900" },
    Cloudflare: {
      "cf-cache-status": "DYNAMIC",
      "cf-ray": "8f1a2b3c4d5e6f70-FRA",
      nel: '{"success_fraction":0,"report_to":"cf-nel","max_age":604800}',
      "server-timing": "cfL4;desc=proto",
    },
    forges: {
      "github-authentication-token-expiration": "2027-01-01 00:00:00 UTC",
      "referrer-policy": "strict-origin-when-cross-origin",
      "x-oauth-scopes": "repo",
      "x-runtime": "0.05",
      "x-total-pages": "3",
    },
  };
  test.each(Object.entries(harmless))("what %s sends and is harmless is shown", (_, headers) => {
    for (const [name, value] of Object.entries(headers)) {
      expect(shownHeader(name, value, from, []), name).toBe(value);
    }
  });

  test.each([
    ...[
      "content-security-policy",
      "docker-upload-uuid",
      "oci-anything",
      "proxy-authenticate-info",
      "report-to",
    ],
    ...["set-cookie", "tracestate", "x-amz-meta-key", "x-amz-server-side-encryption-customer-key-md5"],
    ...["x-csrf-token", "x-gitlab-meta", "x-goog-encryption-key-sha256", "x-guploader-uploadid"],
    ...["x-harbor-csrf-token", "x-jfrog-download-redirect-to", "x-ms-encryption-key", "x-request-id-token"],
    ...["x-registry-auth", "x-trace-id-secret", "x-vault-token"],
  ])("%s is only said to be there", (name) => {
    expect(shownHeader(name, "abc", from, [])).toBe("[redacted]");
  });
});
