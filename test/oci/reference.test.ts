import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatReference,
  isHost,
  OciError,
  parseDigest,
  parseReference,
  parseRepository,
  parseTag,
  repositoryFault,
  splitRepository,
} from "../../src/oci/index.ts";
import { digests, hosts, paths, repositories, tags } from "./grammar.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("repository names", () => {
  test.each([
    "gcr.io/foo/bar",
    "k8s.gcr.io/foo",
    "staging-k8s.gcr.io/foo",
    "staging-k8s.gcr.io/foo/bar/nested/path/image",
    "localhost/foo",
    "localhost:5000/foo",
    "127.0.0.1:5000/foo",
    "[::1]:5000/foo",
    "us-docker.pkg.dev/k8s-artifacts-prod/images/a__b",
    `example.com/${"a".repeat(255)}`,
  ])("%s is one", (text) => {
    expect(repositoryFault(text)).toBeUndefined();
  });

  test.each([
    ["", /empty/],
    ["gcrio", /no registry host/],
    ["gcr..io/foo", /no registry host/],
    [".gcr.io/foo", /no registry host/],
    ["gcr.io./foo", /no registry host/],
    ["gcr.io//foo", /empty path component/],
    ["/gcr.io", /no registry host/],
    ["gcr.io", /names a registry but no repository/],
    ["gcr.io/", /empty path component/],
    ["gcr.io/foo/", /empty path component/],
    ["foo/bar", /no registry host/],
    ["GCR.io/foo", /upper-case/],
    ["gcr.io/Foo", /lower case/],
    ["gcr.io/../foo", /no repository path/],
    ["gcr.io/foo/..", /no repository path/],
    ["gcr.io/foo/./bar", /no repository path/],
    ["gcr.io/foo%2fbar", /no repository path/],
    ["gcr.io/foo___bar", /no repository path/],
    ["gcr.io/-foo", /no repository path/],
    ["gcr.io/foo\n", /no repository path/],
    ["gcr.io/foo?n=1", /no repository path/],
    ["user@gcr.io/foo", /user name/],
    ["https://gcr.io/foo", /scheme/],
    [`gcr.io/${"a".repeat(256)}`, /longer than 255/],
  ])("%j is none", (text, fault) => {
    expect(repositoryFault(text)).toMatch(fault);
    expect(() => parseRepository(text)).toThrow(OciError);
  });

  test("everything the grammar makes is one, and falls into its halves", () => {
    fc.assert(
      fc.property(hosts, paths, (host, path) => {
        expect(isHost(host)).toBe(true);
        expect(splitRepository(parseRepository(`${host}/${path}`))).toEqual({ host, path });
      }),
    );
  });

  test("what is accepted stays within its host when a URL is made of it", () => {
    const near = fc.string({ unit: fc.constantFrom(..."ab.-_/:@?#%\\[]0 "), maxLength: 20 });
    fc.assert(
      fc.property(near, near, (host, path) => {
        const text = `${host}/${path}`;
        if (repositoryFault(text) !== undefined) return;
        const name = splitRepository(parseRepository(text));
        if (!URL.canParse(`https://${name.host}/`)) return;
        const url = new URL(`https://${name.host}/v2/${name.path}/manifests/x`);
        expect(url.pathname).toBe(`/v2/${name.path}/manifests/x`);
        expect([url.username, url.password, url.search, url.hash]).toEqual(["", "", "", ""]);
      }),
      { numRuns: 5000 },
    );
  });

  test.each(["user:hunter2@gcr.io/foo", "https://user:hunter2@gcr.io/foo", "a/user:hunter2@gcr.io/foo"])(
    "a password in %j is not repeated",
    (text) => {
      expect(() => parseRepository(text)).toThrow(/^(?!.*hunter2)/s);
      expect(() => parseReference(text)).toThrow(/^(?!.*hunter2)/s);
      expect(() => parseReference(text)).toThrow(OciError);
    },
  );

  test("a fault is told in few words, however long the text", () => {
    for (const text of ["x".repeat(100_000), `${"x".repeat(100_000)}/a`, `a.b/${"x".repeat(100_000)}`]) {
      expect(repositoryFault(text)?.length).toBeLessThan(400);
    }
  });
});

describe("references", () => {
  test.each(["user:hunter2@gcr.io/foo", "https://user:hunter2@gcr.io/foo", "http://me@127.0.0.1:5000/a:v1"])(
    "%j is told to have a user name in it, not to be a digest",
    (text) =>
      expect(() => parseReference(text)).toThrow(/no password belongs there: log in with waybill login/),
  );

  test("a scheme is refused with the whole host", () => {
    expect(() => parseReference("http://127.0.0.1:5000")).toThrow(
      /"http:\/\/127\.0\.0\.1:5000": it has a scheme/,
    );
  });

  test.each([
    ["gcr.io/foo", { repository: "gcr.io/foo" }],
    ["gcr.io/foo:1.0", { repository: "gcr.io/foo", tag: "1.0" }],
    [`gcr.io/foo@${digest}`, { repository: "gcr.io/foo", digest }],
    [`gcr.io/foo:1.0@${digest}`, { repository: "gcr.io/foo", tag: "1.0", digest }],
    ["localhost:5000/foo", { repository: "localhost:5000/foo" }],
    ["localhost:5000/foo:a", { repository: "localhost:5000/foo", tag: "a" }],
    ["[::1]:5000/foo:a", { repository: "[::1]:5000/foo", tag: "a" }],
    ["docker://gcr.io/foo:1.0", { repository: "gcr.io/foo", tag: "1.0" }],
  ])("%s", (text, reference) => {
    expect(parseReference(text)).toEqual(reference);
  });

  test.each([
    "",
    "foo",
    "foo:1.0",
    "gcr.io:1.0",
    "gcr.io/foo:",
    "gcr.io/foo@",
    "gcr.io/foo@sha256:0",
    "gcr.io/foo:a:b",
    `gcr.io/foo@${digest}@${digest}`,
    `gcr.io/foo@${digest}:a`,
    "docker://docker://gcr.io/foo",
    "http://gcr.io/foo",
  ])("%j is none", (text) => {
    expect(() => parseReference(text)).toThrow(OciError);
  });

  test("a reference that is written out is read back", () => {
    fc.assert(
      fc.property(repositories, tags, digests, (repository, tagText, digestText) => {
        const tag = parseTag(tagText);
        const digest = parseDigest(digestText);
        expect(parseReference(formatReference(repository, tag))).toEqual({ repository, tag });
        expect(parseReference(formatReference(repository, digest))).toEqual({ repository, digest });
        expect(parseReference(`${formatReference(repository, tag)}@${digest}`)).toEqual({
          repository,
          tag,
          digest,
        });
      }),
    );
  });

  test("any text is a reference or an error", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        try {
          parseReference(text);
        } catch (error) {
          expect(error).toBeInstanceOf(OciError);
        }
      }),
    );
  });
});
