import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  algorithmOf,
  digestFault,
  digestHasher,
  digestMatches,
  digestOf,
  hexOf,
  isDigest,
  OciError,
  parseDigest,
} from "../../src/oci/index.ts";
import { digests } from "./grammar.ts";

const sha256 = `sha256:${"0123456789abcdef".repeat(4)}`;
const sha512 = `sha512:${"0123456789abcdef".repeat(8)}`;

describe("the grammar", () => {
  test.each([`sha256:${"0".repeat(64)}`, `sha256:${"f".repeat(64)}`, sha256, sha512])(
    "%s is a digest",
    (text) => {
      expect(isDigest(text)).toBe(true);
      expect(parseDigest(text)).toBe(text);
    },
  );

  test.each<[string, RegExp]>([
    ["", /no algorithm/],
    ["sha256:0", /1 hexadecimal digits, sha256 has 64/],
    [`${sha256}0`, /65 hexadecimal digits/],
    [sha256.slice(0, -1), /63 hexadecimal digits/],
    [`${sha256.slice(0, -1)}x`, /"x" is no hexadecimal digit/],
    ["0".repeat(64), /no algorithm/],
    [sha256.toUpperCase(), /unknown algorithm/],
    [`sha256:${"A".repeat(64)}`, /not all lower case/],
    [`md5:${"0".repeat(32)}`, /unknown algorithm "md5"/],
    [`sha256:${"0".repeat(128)}`, /128 hexadecimal digits, sha256 has 64/],
    [`sha512:${"0".repeat(64)}`, /64 hexadecimal digits, sha512 has 128/],
    [`${sha256}\n`, /"\\n" is no hexadecimal digit/],
    [` ${sha256}`, /unknown algorithm/],
    ["sha256:../../../../etc/passwd", /no hexadecimal digit/],
  ])("%j is none", (text, fault) => {
    expect(isDigest(text)).toBe(false);
    expect(digestFault(text)).toMatch(fault);
    expect(() => parseDigest(text)).toThrow(OciError);
  });

  test("everything the grammar makes is a digest", () => {
    fc.assert(fc.property(digests, (text) => isDigest(text)));
  });

  test("a digest with one character replaced, added or taken away is a digest only if it still fits", () => {
    fc.assert(
      fc.property(digests, fc.nat(), fc.string({ maxLength: 2 }), (text, place, other) => {
        const at = place % text.length;
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        const [algorithm, digits, ...rest] = changed.split(":");
        const fits =
          rest.length === 0 &&
          ((algorithm === "sha256" && digits?.length === 64) ||
            (algorithm === "sha512" && digits?.length === 128)) &&
          [...(digits ?? "")].every((digit) => "0123456789abcdef".includes(digit));
        expect(isDigest(changed)).toBe(fits);
      }),
    );
  });

  test("the message does not grow with the text", () => {
    expect(() => parseDigest("x".repeat(100_000))).toThrow(/^.{1,400}$/);
  });
});

describe("hashing", () => {
  test("a digest is that of the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const digest = digestOf(bytes);
        expect(isDigest(digest)).toBe(true);
        expect(hexOf(digest)).toBe(createHash("sha256").update(bytes).digest("hex"));
        expect(digestMatches(bytes, digest)).toBe(true);
        expect(digestMatches(Uint8Array.from([...bytes, 0]), digest)).toBe(false);
      }),
    );
  });

  test("a digest of the other algorithm is checked by that algorithm", () => {
    const bytes = new TextEncoder().encode("waybill");
    const digest = parseDigest(`sha512:${createHash("sha512").update(bytes).digest("hex")}`);
    expect(algorithmOf(digest)).toBe("sha512");
    expect(hexOf(digest)).toHaveLength(128);
    expect(digestMatches(bytes, digest)).toBe(true);
    expect(digestMatches(bytes.slice(1), digest)).toBe(false);
  });

  test("pieces hash like the whole", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        const whole = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
        const right = digestHasher(digestOf(whole));
        const wrong = digestHasher(digestOf(Uint8Array.from([...whole, 1])));
        for (const piece of pieces) {
          right.update(piece);
          wrong.update(piece);
        }
        expect([right.matches(), wrong.matches()]).toEqual([true, false]);
      }),
    );
  });
});
