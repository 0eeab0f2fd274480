import { describe, expect, it } from "vitest";
import {
  failureRecord,
  isWaybillError,
  messageOf,
  phrase,
  phraseOf,
  WaybillError,
} from "../../src/errors/index.ts";

describe("a failure", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const details = {
    where: `r.example/app@${digest}`,
    hint: phrase`create it: make ${"app"}`,
    registry: "r.example",
    repository: "r.example/app",
    status: 404,
    requestId: "7f3e-12",
    cause: new Error("socket"),
  };

  it("is plain data with all that it has, and nothing that it has not", () => {
    const error = new WaybillError("blob-missing", phrase`the registry lacks ${digest} (${404})`, details);
    expect(failureRecord(error)).toStrictEqual({
      code: "blob-missing",
      message: `the registry lacks ${digest} (404)`,
      where: `r.example/app@${digest}`,
      hint: "create it: make app",
      registry: "r.example",
      repository: "r.example/app",
      status: 404,
      requestId: "7f3e-12",
      pattern: "the registry lacks … (…)\ncreate it: make …",
    });
    expect(failureRecord(new WaybillError("usage", "no such verb"))).toStrictEqual({
      code: "usage",
      message: "no such verb",
    });
    expect(failureRecord(new TypeError("x is undefined"))).toStrictEqual({
      code: "internal",
      message: "x is undefined",
    });
  });

  it("keeps the place that it was made with, and takes one where it has none", () => {
    const place = { registry: "s.example", repository: "s.example/web" };
    expect(new WaybillError("denied", "no", details).placedAt(place)).toMatchObject({
      registry: "r.example",
    });
    expect(failureRecord(new WaybillError("denied", "no").placedAt(place))).toStrictEqual({
      code: "denied",
      message: "no",
      ...place,
    });
  });

  it("names what stands in braces, and what its parts name", () => {
    const part = phrase`it holds ${3} bytes`;
    expect(phrase`${phraseOf("reading a blob")}: ${part}, not ${4}`).toEqual({
      text: "reading a blob: it holds 3 bytes, not 4",
      pattern: "reading a blob: it holds … bytes, not …",
    });
  });

  it("is known for one in another copy of the package, and nothing else is", async () => {
    // A query makes another module of the same file: a copy with classes of its own.
    const copy: typeof import("../../src/errors/index.ts") = await import(
      `../../src/errors/index.ts?${"copy"}`
    );
    const error = new copy.WaybillError("denied", "no", { where: "r.example" });
    expect(error).not.toBeInstanceOf(WaybillError);
    expect(isWaybillError(error)).toBe(true);
    expect(failureRecord(error)).toStrictEqual({ code: "denied", message: "no", where: "r.example" });
    expect(messageOf(error)).toBe("r.example: no");
    for (const other of [undefined, "denied", new Error("no"), { code: "denied", message: "no" }])
      expect(isWaybillError(other)).toBe(false);
  });
});
