import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readServerErrors } from "../../src/registry/host/server-text.ts";

const said = (body: unknown, secrets: readonly string[] = []) =>
  readServerErrors(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), secrets);

describe("what a registry says went wrong", () => {
  it("is code and message, and what its detail says beyond them, whatever that is", () => {
    const error = (detail: unknown) => said({ errors: [{ code: "DENIED", message: "no", detail }] })?.text;
    expect(error(undefined)).toBe("DENIED no");
    expect(error(null)).toBe("DENIED no");
    expect(error({})).toBe("DENIED no");
    expect(error("no")).toBe("DENIED no");
    expect(error("quota used up")).toBe("DENIED no (quota used up)");
    expect(error({ message: "schema does not match" })).toBe("DENIED no (schema does not match)");
    expect(error({ error: { message: "deep" } })).toBe("DENIED no (deep)");
    expect(error(["one", { reason: "two" }])).toBe("DENIED no (one, two)");
    expect(error([{ Type: "repository", Name: "prod/app", Action: "push" }])).toBe(
      "DENIED no (Type repository, Name prod/app, Action push)",
    );
    expect(error({ blobSum: "sha256:12" })).toBe("DENIED no (blobSum sha256:12)");
  });

  it("is found in forms that the specification does not have", () => {
    expect(said({ message: "read-only" })).toEqual({ codes: [], text: "read-only" });
    expect(said({ error: "invalid" })?.text).toBe("invalid");
    expect(said({ error: { code: 403, message: "blocked", status: "DENIED" } })?.text).toBe("blocked");
    expect(said({ error: "invalid_scope", error_description: "no such scope" })?.text).toBe(
      "no such scope; invalid_scope",
    );
    expect(said({ details: "the plan is over", timestamp: "2026" })?.text).toBe("the plan is over");
    expect(said({ errors: ["one", "two"] })).toEqual({ codes: [], text: "one; two" });
    expect(said({ errors: [{ status: 403, message: "Not enough permissions" }] })?.text).toBe(
      "Not enough permissions",
    );
    expect(said({ errors: { image: ["is too large"] } })?.text).toBe("image is too large");
    expect(said({ type: "about:blank", title: "Forbidden", status: 403, detail: "no seat" })?.text).toBe(
      "no seat; Forbidden",
    );
    expect(said('"just so"')?.text).toBe("just so");
    expect(said("Repository does not allow updating assets: docker-release")?.text).toBe(
      "Repository does not allow updating assets: docker-release",
    );
  });

  it("is the title of a web page, or the message of a storage service", () => {
    expect(
      said("<html><head><title>400 Request Header Or Cookie Too Large</title></head></html>")?.text,
    ).toBe("400 Request Header Or Cookie Too Large");
    const page =
      "<!DOCTYPE html>\n<title>Sign in</title><style>h1{}</style><body><h1 class=x>You &amp; <b>us</b></h1>";
    expect(said(page)?.text).toBe("Sign in; You & us");
    expect(
      said("<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Expired</Message></Error>")?.text,
    ).toBe("AccessDenied Expired");
    expect(said("<html>413</html>")?.text).toBe("413");
  });

  it("is nothing where nothing is said", () => {
    const nothing: unknown[] = [
      "",
      "  \n",
      {},
      { errors: [] },
      [],
      "null",
      "true",
      { errors: [{}, { code: "" }] },
    ];
    for (const body of nothing) expect(said(body)).toBeUndefined();
    expect(
      readServerErrors(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xfe]), []),
    ).toBeUndefined();
  });

  it("has no secret, no control characters, one line and a bound, in whatever form it comes", () => {
    const forms: ((text: string) => unknown)[] = [
      (text) => ({ errors: [{ code: "X", message: "m", detail: { a: [{ b: text }] } }] }),
      (text) => ({ message: text }),
      (text) => ({ error: { message: text } }),
      (text) => ({ errors: [text] }),
      (text) => text,
      (text) => `<title>${text}</title>`,
    ];
    for (const form of forms) {
      const text =
        said(form(`before hunter2secret \u001b[31m\u202e\n after ${"x ".repeat(900)}`), ["hunter2secret"])
          ?.text ?? "";
      expect(text).toContain("before [redacted]");
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(text.length).toBeLessThan(420);
    }
  });

  it("never throws, and never takes long", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.string().map((text) => `<${text}`),
        ),
        (body) => {
          const text = said(body)?.text ?? "x";
          expect(text).not.toBe("");
          expect(text.length).toBeLessThan(420);
        },
      ),
    );
    expect(said(`{"errors":${"[".repeat(9_000)}"end"${"]".repeat(9_000)}}`)).toBeUndefined();
    said(`<script ${"<script ".repeat(8_000)}`);
    said(`<title${"<title ".repeat(9_000)}`);
  });
});
