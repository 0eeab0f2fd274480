import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WaybillError } from "../../src/errors/index.ts";
import { isTag } from "../../src/oci/index.ts";
import { releaseTags } from "../../src/release/index.ts";

/** The tags, a list for each pull request. */
const sets = (version: string, profile?: string): string[][] =>
  releaseTags(version, profile === undefined ? {} : { profile }).sets.map((set) => set.map(({ tag }) => tag));

function refusal(version: string, options?: Parameters<typeof releaseTags>[1]): WaybillError {
  try {
    releaseTags(version, options);
  } catch (error) {
    if (error instanceof WaybillError) return error;
    throw error;
  }
  throw new Error(`${version} was accepted`);
}

describe("the tags of a version that is cut", () => {
  it.each([
    ["v1.20.0-alpha.3", "alpha"],
    ["v1.19.0-beta.1", "beta"],
    ["v1.19.0-rc.2", "rc"],
    ["v1.19.0-rc.4", "rc"],
    ["v1.19.1-rc.0", "rc"],
  ])("%s is promoted alone in every profile", (version, cut) => {
    for (const profile of ["kubernetes-2021", "kubernetes", "project"]) {
      expect(sets(version, profile)).toEqual([[version]]);
    }
    expect(releaseTags(version).cut).toBe(cut);
  });

  it("a first release candidate brings the next minor version's first alpha", () => {
    expect(sets("v1.19.0-rc.0")).toEqual([["v1.19.0-rc.0", "v1.20.0-alpha.0"]]);
    expect(sets("v1.9.0-rc.0", "project")).toEqual([["v1.9.0-rc.0", "v1.10.0-alpha.0"]]);
  });

  it("which has a pull request of its own in Kubernetes today", () => {
    expect(sets("v1.33.0-rc.0", "kubernetes")).toEqual([["v1.33.0-rc.0"], ["v1.34.0-alpha.0"]]);
  });

  it("a stable version brings the next patch's first candidate, but not in Kubernetes today", () => {
    expect(sets("v1.19.0")).toEqual([["v1.19.0", "v1.19.1-rc.0"]]);
    expect(sets("v1.19.9", "kubernetes-2021")).toEqual([["v1.19.9", "v1.19.10-rc.0"]]);
    expect(sets("v0.4.2", "project")).toEqual([["v0.4.2", "v0.4.3-rc.0"]]);
    expect(sets("v1.30.0", "kubernetes")).toEqual([["v1.30.0"]]);
  });

  it("come with reasons", () => {
    expect(releaseTags("v1.19.0")).toEqual({
      format: "waybill-release-tags/1",
      version: "v1.19.0",
      cut: "stable",
      profile: "kubernetes-2021",
      sets: [
        [
          { tag: "v1.19.0", reason: "a stable version: the version that is cut" },
          {
            tag: "v1.19.1-rc.0",
            reason: "built together with it: the release branch goes on as the next patch",
          },
        ],
      ],
    });
  });

  it("keep every digit of large numbers", () => {
    expect(sets("v1.2.9007199254740993")).toEqual([["v1.2.9007199254740993", "v1.2.9007199254740994-rc.0"]]);
    const longest = `v1.2.${"9".repeat(123)}`;
    expect(sets(longest, "kubernetes")).toEqual([[longest]]);
    expect(refusal(longest).message).toContain("has no room for v{major}.{minor}.{patch+1}-rc.0 in a tag");
    expect(refusal(`${longest}9`)).toMatchObject({
      code: "invalid-version",
      message: expect.stringContaining("longer than a tag may be"),
    });
  });
});

describe("what is no version", () => {
  it.each([
    ["1.29.0", "v1.29.0"],
    ["1.29.0-rc.1", "v1.29.0-rc.1"],
    ["V1.29.0", "v1.29.0"],
    ["v1.29", "v1.29.0"],
    ["1.29", "v1.29.0"],
    ["v1", "v1.0.0"],
    ["release-1.29", "v1.29.0"],
    ["refs/tags/v1.29.3", "v1.29.3"],
    [" v1.29.3\n", "v1.29.3"],
    ["v01.29.0", "v1.29.0"],
    ["v1.29.00", "v1.29.0"],
    ["v1.29.0-rc.01", "v1.29.0-rc.1"],
    ["v1.29.0-rc1", "v1.29.0-rc.1"],
    ["v1.29.0rc1", "v1.29.0-rc.1"],
    ["v1.29.0-RC.1", "v1.29.0-rc.1"],
    ["v1.29.0-beta", "v1.29.0-beta.0"],
    ["v1.29.0+build.7", "v1.29.0"],
    ["v1.29.0-rc.1+build.7", "v1.29.0-rc.1"],
    ["v1.29.0-alpha.1.2", undefined],
    ["v1.29.0-foo.1", undefined],
    ["v1.29.0-1", undefined],
    ["v1.29.0.4", undefined],
    ["latest", undefined],
    ["", undefined],
    ["v", undefined],
    ["--profile", undefined],
  ])("%j is refused, and %s suggested", (text, meant) => {
    expect(refusal(text)).toMatchObject({
      code: "invalid-version",
      hint:
        meant === undefined ? expect.stringContaining("a version is written as") : `did you mean ${meant}?`,
    });
  });

  it("is told apart where more can be said", () => {
    expect(refusal("1.29.0").message).toBe(
      '"1.29.0" is no version that is cut: it lacks the v that its tags begin with',
    );
    expect(refusal("v1.29.0+a").message).toBe('"v1.29.0+a" has build metadata, which no tag can hold');
    expect(refusal("v1.029.0").message).toBe('"v1.029.0" is no version that is cut: a number begins with 0');
    expect(refusal("v1.29.0\u001b[2J").message).not.toContain("\u001b");
  });
});

describe("profiles", () => {
  it("that nobody has defined are refused", () => {
    expect(refusal("v1.0.0", { profile: "kubernets" })).toMatchObject({
      code: "unknown-profile",
      hint: "did you mean kubernetes?",
    });
    expect(refusal("v1.0.0", { profile: "constructor" }).hint).toBe(
      "there are kubernetes-2021, kubernetes, project; define others under releases in waybill.yaml",
    );
  });

  it("of one's own say what goes with a version, and come before others of the same name", () => {
    const profiles = {
      project: { stable: ["v{major}.{minor+1}.0-alpha.0", "v{major+1}.0.0-dev"] },
      apart: { separately: true, alpha: ["v{major}.{minor}.{patch}"], rc: [] },
    };
    const tags = (version: string, profile: string) =>
      releaseTags(version, { profile, profiles }).sets.map((set) => set.map(({ tag }) => tag));
    expect(tags("v1.2.3", "project")).toEqual([["v1.2.3", "v1.3.0-alpha.0", "v2.0.0-dev"]]);
    expect(tags("v1.2.0-rc.0", "project")).toEqual([["v1.2.0-rc.0"]]);
    expect(tags("v1.2.0-alpha.0", "apart")).toEqual([["v1.2.0-alpha.0"], ["v1.2.0"]]);
    expect(releaseTags("v1.2.3", { profile: "project", profiles }).sets[0]?.[1]?.reason).toBe(
      "profile project of the settings promotes it with a stable version",
    );
  });
});

describe("any version", () => {
  const number = fc.bigInt({ min: 0n, max: 10n ** 25n });
  const label = fc.constantFrom(undefined, "alpha", "beta", "rc");
  const profile = fc.constantFrom("kubernetes-2021", "kubernetes", "project");

  it("comes first, alone or with one other tag, and all are different tags", () => {
    fc.assert(
      fc.property(number, number, number, label, number, profile, (x, y, z, pre, n, name) => {
        const version = `v${x}.${y}.${z}${pre === undefined ? "" : `-${pre}.${n}`}`;
        const tags = sets(version, name).flat();
        expect(tags[0]).toBe(version);
        expect(tags.every(isTag)).toBe(true);
        expect(new Set(tags).size).toBe(tags.length);
        const isFirst = pre === "rc" && n === 0n && z === 0n;
        const other = isFirst
          ? [`v${x}.${y + 1n}.0-alpha.0`]
          : pre === undefined && name !== "kubernetes"
            ? [`v${x}.${y}.${z + 1n}-rc.0`]
            : [];
        expect(tags.slice(1)).toEqual(other);
      }),
    );
  });

  it("is suggested for itself with its letters, zeros or signs amiss; what is suggested is accepted", () => {
    fc.assert(
      fc.property(
        fc.tuple(number, number, number),
        label,
        fc.constantFrom("", "V", "v0", "release-", "0"),
        fc.constantFrom("", "+meta"),
        (numbers, pre, start, end) => {
          const rest = pre === undefined ? "" : `-${pre}1`;
          const text = `${start}${numbers.join(".")}${rest}${end}`;
          const { hint = "" } = refusal(text);
          const meant = /^did you mean (\S+)\?$/.exec(hint)?.[1] ?? "";
          expect(meant).toBe(`v${numbers.join(".")}${pre === undefined ? "" : `-${pre}.1`}`);
          expect(sets(meant)[0]?.[0]).toBe(meant);
        },
      ),
    );
  });

  it("or any other text, is either accepted as it stands or refused with a reason", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^v?[0-9.]{1,9}(-[a-z0-9.]{1,9})?$/)), (text) => {
        try {
          expect(sets(text)[0]?.[0]).toBe(text);
        } catch (error) {
          if (!(error instanceof WaybillError)) throw error;
          expect(error.code).toBe("invalid-version");
          expect(error.hint).not.toBe("");
        }
      }),
    );
  });
});
