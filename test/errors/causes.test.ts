import { describe, expect, it } from "vitest";
import {
  causeInLines,
  failureRecord,
  groupByCause,
  type Problem,
  phrase,
  phraseOf,
  problemOf,
  WaybillError,
} from "../../src/errors/index.ts";

const plain = { paint: (text: string) => text, noun: "edge" };

const unread = (host: string, name: string, more: Partial<Problem> = {}): Problem => ({
  state: "unread",
  what: `${host}/prod/${name}:v1`,
  at: `images.yaml:${name.length}:1`,
  ...problemOf({
    code: "unreachable",
    message: `${host} cannot be reached`,
    where: `${host}/prod/${name}:v1`,
    hint: "is it running?",
    host,
  }),
  ...more,
});

describe("causes", () => {
  it("are one for all that fails alike at a host, with the first places and the hint", () => {
    const names = Array.from({ length: 300 }, (_, index) => "a".repeat(index + 1));
    const causes = groupByCause(names.map((name) => unread("r.example", name)));
    expect(causes).toHaveLength(1);
    const [cause] = causes;
    expect(cause).toMatchObject({
      state: "unread",
      host: "r.example",
      code: "unreachable",
      count: 300,
      more: 297,
    });
    expect(cause && causeInLines(cause, plain)).toEqual([
      "unread 300 edges at r.example: r.example cannot be reached",
      "    r.example/prod/a:v1 (images.yaml:1:1)",
      "    r.example/prod/aa:v1 (images.yaml:2:1)",
      "    r.example/prod/aaa:v1 (images.yaml:3:1)",
      "    and 297 more places: --verbose shows all",
      "    hint: is it running?",
    ]);
    expect(
      groupByCause(
        names.map((name) => unread("r.example", name)),
        true,
      )[0]?.places,
    ).toHaveLength(300);
  });

  it("are others for other hosts, states, reasons and hints", () => {
    const one = unread("r.example", "a");
    const others = [
      unread("s.example", "a"),
      { ...one, state: "failed" },
      { ...one, message: "the registry answered", status: 403 },
      { ...one, message: "the registry answered", status: 404 },
      { ...one, hint: "look there" },
      { ...one, code: "timeout" },
    ];
    expect(groupByCause([one, ...others])).toHaveLength(7);
  });

  it("are one where a message differs in what it names alone, which every place can show", () => {
    const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
    const about = (name: string, letter: string): Problem => {
      const error = new WaybillError(
        "denied",
        phrase`reading ${phraseOf("a blob")}: prod/${name} lacks ${digest(letter)}`,
        { hint: phrase`make prod/${name}`, registry: "r.example", repository: `r.example/prod/${name}` },
      );
      return { state: "failed", what: `r.example/prod/${name}:v1`, ...problemOf(failureRecord(error)) };
    };
    const [cause, ...more] = groupByCause([about("app", "a"), about("web", "b")]);
    expect(more).toEqual([]);
    expect(cause).toMatchObject({ host: "r.example", hint: "make prod/app" });
    expect(cause?.message).toContain("prod/app");
    expect(cause?.places.map(({ detail }) => detail)).toEqual([
      undefined,
      expect.stringContaining("prod/web"),
    ]);
  });

  it("count what one line asks of several repositories as one place", () => {
    const eu = unread("r.example", "app", { what: "r.example/eu/app:v1", at: "f:1:1" });
    const us = unread("r.example", "app", { what: "r.example/us/app:v1", at: "f:1:1" });
    const [cause] = groupByCause([eu, us]);
    expect(cause).toMatchObject({ count: 2, places: [{ what: "r.example/eu/app:v1", others: 1 }], more: 0 });
    expect(groupByCause([eu, us], true)[0]?.places).toHaveLength(2);
  });

  it("print nothing from outside as it is", () => {
    const [cause] = groupByCause([
      unread("r.example", "a", { message: "a\u001b[31m\nb", hint: "\u202e", detail: "\r" }),
    ]);
    expect((cause ? causeInLines(cause, plain) : []).join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});
