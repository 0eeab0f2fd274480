import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRemote } from "../../src/forge/index.ts";

const alphabet = [..."abcXYZ019-_."];
const name = fc
  .string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength: 12 })
  .filter((text) => !/^\.+$/.test(text) && !text.endsWith(".git"));
const path = fc.array(name, { minLength: 2, maxLength: 5 }).map((segments) => segments.join("/"));
const label = fc.string({ unit: fc.constantFrom(..."abcz09"), minLength: 2, maxLength: 8 });
const host = fc
  .array(label, { minLength: 2, maxLength: 3 })
  .map((labels) => [...labels, "example"].join("."));
const port = fc.integer({ min: 1, max: 65_535 });
const ending = fc.constantFrom("", ".git", "/", ".git/");
const user = fc.constantFrom("", "git@", "me:secret@", "oauth2:glpat-x@", ":only@");

describe("the URL of a Git remote", () => {
  it("names host and path over HTTPS, with the port and without credentials", () => {
    fc.assert(
      fc.property(
        host,
        path,
        ending,
        user,
        fc.option(port, { nil: undefined }),
        (at, where, end, who, number) => {
          const shown = number === undefined ? "" : `:${number}`;
          const kept = number === 443 ? "" : shown;
          expect(parseRemote(`https://${who}${at}${shown}/${where}${end}`)).toEqual({
            ...{ host: `${at}${kept}`, path: where },
          });
        },
      ),
    );
  });

  it("names host and path over SSH, without the port", () => {
    fc.assert(
      fc.property(host, path, ending, fc.option(port, { nil: undefined }), (at, where, end, number) => {
        const shown = number === undefined ? "" : `:${number}`;
        expect(parseRemote(`ssh://git@${at}${shown}/${where}${end}`)).toEqual({ host: at, path: where });
        expect(parseRemote(`git@${at}:${where}${end}`)).toEqual({ host: at, path: where });
        expect(parseRemote(`${at}:/${where}${end}`)).toEqual({ host: at, path: where });
      }),
    );
  });

  it("never yields anything that is not a host and a plain path, nor fails", () => {
    const text = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.string({ unit: fc.constantFrom(..."aA:/@.[]%2e?#\\ ~") }),
    );
    fc.assert(
      fc.property(text, (url) => {
        const found = parseRemote(url);
        if (found === undefined) return;
        expect(found.path).toMatch(/^[\w.-]+(?:\/[\w.-]+)+$/);
        expect(found.path.split("/")).not.toContain("..");
        expect(new URL(`https://${found.host}`).host).toBe(found.host);
      }),
    );
  });

  it.each([
    ["git@github.com:org/images.git", "github.com", "org/images"],
    ["https://GitHub.com/Org/Images", "github.com", "Org/Images"],
    ["ssh://git@ssh.github.com:443/org/images.git", "github.com", "org/images"],
    ["git@gitlab.example.org:group/sub/sub2/images.git", "gitlab.example.org", "group/sub/sub2/images"],
    ["http://127.0.0.1:3000/org/images.git", "127.0.0.1:3000", "org/images"],
    ["https://[::1]:3000/org/images", "[::1]:3000", "org/images"],
    ["git@[2001:db8::1]:org/images.git", "[2001:db8::1]", "org/images"],
    ["git+ssh://git@codeberg.org/org/images", "codeberg.org", "org/images"],
    ["  https://gitea.com/org/images\n", "gitea.com", "org/images"],
  ])("%s", (url, at, where) => {
    expect(parseRemote(url)).toEqual({ host: at, path: where });
  });

  it.each([
    ...[
      "/srv/git/org/images.git",
      "../images",
      "./a:b/c",
      "file:///srv/git/org/images.git",
      "C:/Users/me/images",
    ],
    ...["C:\\Users\\me", "https://github.com/images", "https://github.com/a/../../b", "images", "", "host:"],
    ...["https://github.com/org/%2e%2e", "https://github.com/org/a%2f..%2fb", "https://github.com/org/a b"],
    ...[
      "javascript://host/a/b",
      "https://github.com/org/images%0a",
      "git@-oProxyCommand=x:a/b",
      "ext::sh -c x/y",
    ],
  ])("is on no forge: %s", (url) => {
    expect(parseRemote(url)).toBeUndefined();
  });
});
