import { expect, test } from "vitest";
import { MatrixDraft, type MatrixEdge, mirrorsOf } from "../../src/matrix/index.ts";

const registriesOf = (...pairs: readonly [registry: string, project: string][]) => {
  const found = new Map<string, Set<string>>();
  for (const [registry, project] of pairs)
    found.set(registry, (found.get(registry) ?? new Set()).add(project));
  return found;
};

test("registries of one host are one mirror, by what their paths begin with", () => {
  const mirrors = mirrorsOf(
    registriesOf(
      ["us.example.com/prod/images/kubernetes", "kubernetes"],
      ["us.example.com/prod/images/etcd", "etcd"],
      ["eu.example.com/prod/images/etcd", "etcd"],
      ["localhost:5000", "etcd"],
    ),
  );
  expect(Object.fromEntries(mirrors)).toEqual({
    "us.example.com/prod/images/kubernetes": "us.example.com/prod/images",
    "us.example.com/prod/images/etcd": "us.example.com/prod/images",
    "eu.example.com/prod/images/etcd": "eu.example.com/prod/images/etcd",
    "localhost:5000": "localhost:5000",
  });
});

test("a project that goes to two registries of a host has two mirrors there", () => {
  const mirrors = mirrorsOf(
    registriesOf(["h.io/a", "app"], ["h.io/a/b", "app"], ["h.io/a/c", "other"], ["h.io/d/e", "app"]),
  );
  expect([...new Set(mirrors.values())].sort()).toEqual(
    ["h.io/a", "h.io/a/b", "h.io/a/c", "h.io/d/e"].filter((name) => [...mirrors.values()].includes(name)),
  );
  expect(mirrors.get("h.io/a")).not.toBe(mirrors.get("h.io/a/b"));
  expect(mirrors.get("h.io/d/e")).toBe("h.io/d/e");
  expect(new Set(mirrors.values()).size).toBe(4);
});

test("an image is a row, with the worst of its tags in each cell", () => {
  const draft = new MatrixDraft();
  const edge = (destination: string, tag: string | null, state: MatrixEdge["state"]): MatrixEdge => ({
    ...{ project: "app", source: "stage.io/app/web", digest: "sha256:1", at: "images.yaml:1:1" },
    ...{ destination, tag, state, note: state === "done" ? undefined : { why: state } },
  });
  draft.add(edge("one.io/prod/app/web", "v10", "done"));
  draft.add(edge("one.io/prod/app/web", "v9", "conflict"));
  draft.add(edge("two.io/web", "v9", "pending"));
  draft.add({ ...edge("two.io/web/api", "v1", "done"), source: "stage.io/app/web/api", digest: "sha256:2" });
  const { mirrors, rows } = draft.close();
  expect(mirrors).toEqual(["one.io/prod/app", "two.io"]);
  expect([...rows.values()].map((row) => row.read())).toMatchObject([
    {
      ...{ at: 0, name: "web", tags: ["v9", "v10"], cells: "xp" },
      entries: [
        {
          tag: "v9",
          cells: "xp",
          notes: [
            { why: "conflict", of: [0] },
            { why: "pending", of: [1] },
          ],
        },
        { tag: "v10", cells: "d.", notes: [] },
      ],
    },
    { at: 1, name: "web/api", cells: ".d", entries: [{ tag: "v1" }] },
  ]);
});
