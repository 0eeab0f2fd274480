import { expect, it } from "vitest";
import { listPlace } from "../../src/production/list-order.ts";
import { contractOff, countAtMirrors, type DatedTrouble, expandOff } from "../../src/production/rows.ts";

it("puts the newest version first, releases before what comes before them, and words last", () => {
  const tags = [
    "v1.10.0",
    "v1.9.0",
    "v1.10.0-rc.1",
    "1.11",
    "latest",
    "v2.0.0",
    "v2.0.0-beta.10",
    "v2.0.0-beta.9",
  ];
  const places = tags.map((tag) => ({ tag, place: listPlace("app", "sha256:0", [tag, "main"]) }));
  const sorted = places.sort((one, other) => (one.place < other.place ? -1 : 1)).map(({ tag }) => tag);
  expect(sorted).toEqual([
    ...["v2.0.0", "v2.0.0-beta.10", "v2.0.0-beta.9", "1.11", "v1.10.0", "v1.10.0-rc.1", "v1.9.0", "latest"],
  ]);
  expect(listPlace("app", "sha256:0", []) > listPlace("app", "sha256:0", ["latest"])).toBe(true);
  expect(listPlace("app", "sha256:0", ["9".repeat(128)]).length).toBeLessThan(300);
});

const at = (mirror: number, tag: string | null, trouble: DatedTrouble["trouble"]): DatedTrouble => {
  return { mirror, tag, trouble, current: undefined, cause: undefined, since: 1, run: "7" };
};

it("keeps what many mirrors have in common once", () => {
  const troubles = [0, 1, 2].flatMap((mirror) => [
    at(mirror, "v1", "missing"),
    at(mirror, "latest", "missing"),
  ]);
  const off = contractOff([...troubles, at(1, null, "corrupt")]);
  expect(off).toEqual([
    { t: "missing", m: [0, 1, 2], g: ["latest", "v1"], s: 1, r: "7" },
    { t: "corrupt", m: [1], s: 1, r: "7" },
  ]);
  expect(contractOff(expandOff(off))).toEqual(off);
  expect(contractOff([])).toBeNull();
});

it("counts each edge once, for the worst that is said of it", () => {
  const troubles = [
    at(0, "v1", "unread"),
    at(0, "v1", "failed"),
    at(0, null, "corrupt"),
    at(1, null, "missing"),
    at(9, "v1", "missing"),
  ];
  const counts = countAtMirrors(["v1", "v2"], [0, 1, 2], troubles);
  expect(counts.get(0)?.troubles).toMatchObject({ failed: 1, damaged: 1, unread: 0 });
  expect(counts.get(1)?.troubles).toMatchObject({ missing: 2 });
  expect(counts.get(2)?.troubles).toMatchObject({ missing: 0, unread: 0 });
  expect(counts.has(9)).toBe(false);
  expect(countAtMirrors([], [0], [at(0, null, "missing")]).get(0)).toMatchObject({ edges: 1 });
});
