import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bodyOf,
  bodyWith,
  branchNameOf,
  commitMessageOf,
  isOurCommit,
  titleOf,
} from "../../src/release/request-text.ts";

const parts = {
  subject: { project: "foo", tags: ["v1.0.0"] },
  command: "waybill pr host/owner/name --tag v1.0.0",
  links: [{ title: "Mock build", url: "https://ci.test/1" }],
  review: "All is well.",
  hold: true,
  held: [],
};

describe("names of a promotion", () => {
  test("are those of the incumbents", () => {
    const subject = { project: "kubernetes", tags: ["v1.19.0", "v1.19.1-rc.0"] };
    expect(branchNameOf(subject)).toBe("kubernetes-v1.19.0-image-promotion");
    expect(titleOf(subject)).toBe("releng: Image promotion for kubernetes v1.19.0 / v1.19.1-rc.0");
    expect(titleOf({ ...subject, project: "foo" })).toBe("Image promotion for foo v1.19.0 / v1.19.1-rc.0");
  });

  test("are names that Git takes for branches, whatever the project and the tag", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (project, tag) => {
        const name = branchNameOf({ project, tags: [tag] });
        expect(name).toMatch(/^[\w][\w.-]*$/);
        expect(name).not.toMatch(/\.\.|\.lock$|\.$/);
      }),
    );
  });

  test("tell commits of waybill pr from those of people", () => {
    expect(isOurCommit(commitMessageOf(parts.subject, ["controller@sha256:1 as v1.0.0"]))).toBe(true);
    expect(isOurCommit("Image promotion for foo v1.0.0")).toBe(false);
  });
});

describe("the text of a pull request", () => {
  test("has the command, the links and the review, and asks to be held", () => {
    const body = bodyOf(parts);
    expect(body).toContain("```sh\nwaybill pr host/owner/name --tag v1.0.0\n```");
    expect(body).toContain("- [Mock build](<https://ci.test/1>)");
    expect(body).toContain("All is well.");
    expect(body).toMatch(/^\/hold$/m);
  });

  test("is made new without touching what people have written around it", () => {
    const before = `Dear reviewers,\n\n${bodyOf(parts)}\n\nSee you.`;
    const after = bodyWith(before, bodyOf({ ...parts, review: "Something changed." }));
    expect(after).toMatch(/^Dear reviewers,/);
    expect(after).toMatch(/See you\.$/);
    expect(after).toContain("Something changed.");
    expect(after).not.toContain("All is well.");
    expect(bodyWith(after, bodyOf({ ...parts, review: "Something changed." }))).toBe(after);
  });

  test("keeps a command within its block, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("`", "a", "\n", "~", " ") }), (command) => {
        const body = bodyOf({ ...parts, command });
        const fence = /^(`{3,})sh$/m.exec(body)?.[1] ?? "";
        const inside = body.slice(body.indexOf(`${fence}sh\n`) + fence.length + 3);
        expect(inside.startsWith(`${command}\n${fence}\n`)).toBe(true);
        expect(command).not.toContain(fence);
      }),
    );
  });

  test("lets nothing of a link's title or address out of the link", () => {
    const body = bodyOf({ ...parts, links: [{ title: "a](b) @all <img>", url: "https://x.test/> y" }] });
    expect(body).toContain("- [a\\](b) @\u200Ball \\<img\\>](<https://x.test/%3E%20y>)");
  });
});
