import { describe, expect, test } from "vitest";
import { parseSettings, SettingsError } from "../../src/settings/index.ts";

const setsOf = (text: string) => parseSettings(`destinations:\n${text}`, "waybill.yaml").destinations;

/** Problems of a text, as `line:column message (hint)`. */
function problemsOf(text: string): string[] {
  try {
    setsOf(text);
  } catch (thrown) {
    if (!(thrown instanceof SettingsError)) throw thrown;
    return thrown.diagnostics.map(
      ({ at, message, hint }) =>
        `${at?.line}:${at?.column} ${message}${hint === undefined ? "" : ` (${hint})`}`,
    );
  }
  return [];
}

describe("sets of destinations", () => {
  test("are lists, or mappings that say how projects are named as well", () => {
    expect(
      setsOf(`
  two:
  - eu.example.com/prod/{name}
  - { name: "localhost:5000/{name}", serviceAccount: promoter@prod.example.com }
  named:
    source: gcr.io/k8s-staging-{name}
    folder: k8s-staging-{name}
    registries:
    - name: us.example.com
`),
    ).toEqual({
      two: {
        registries: [
          { name: "eu.example.com/prod/{name}" },
          { name: "localhost:5000/{name}", serviceAccount: "promoter@prod.example.com" },
        ],
      },
      named: {
        source: "gcr.io/k8s-staging-{name}",
        folder: "k8s-staging-{name}",
        registries: [{ name: "us.example.com" }],
      },
    });
    expect(parseSettings("", "waybill.yaml").destinations).toEqual({});
  });

  test.each([
    [
      "  a: ['x.io/{nam}']",
      ['2:7 nothing is known by the name "{nam}" ({name} stands for the short name of the project)'],
    ],
    ["  a: ['x.io/{name']", []],
    ["  a:\n  - nam: x.io\n    name: y.io", ['3:5 unknown key "nam" in a registry (did you mean name?)']],
    ["  a:\n  - serviceAccount: a@b.c", ["3:5 name is missing"]],
    ["  a:\n  - name: x.io\n    serviceAccount: nobody", ["4:21 expected the address of a service account"]],
    ["  a: foo", ["2:6 destinations.a: expected a list or a mapping, found a text"]],
    ["  a: []", ["2:6 expected at least one, found an empty list"]],
    ["  a:\n  - [x.io]", ["3:5 destinations.a[0]: expected a text or a mapping, found a list"]],
    ["  a:\n    source: gcr.io/{name}", ["3:5 registries is missing"]],
    [
      "  a:\n    sauce: gcr.io/{name}\n    registries: [x.io]",
      ['3:5 unknown key "sauce" in a set of destinations (did you mean source?)'],
    ],
    [
      "  a:\n    source: gcr.io/k8s-staging\n    registries: [x.io]",
      [
        "3:13 without {name} all projects would have the same ({name} stands for the short name of the project)",
      ],
    ],
    [
      "  a:\n    folder: a/{name}\n    registries: [x.io]",
      ["3:13 expected the name of one folder (such as k8s-staging-{name})"],
    ],
    ["  A: [x.io]", ["2:3 a set is named by lower case letters, digits, dots and dashes, 64 at most"]],
    ["  a: ['https://x.io/{name}']", ['2:7 leave out "https://"']],
  ])("that are wrong are told with their places: %j", (text, problems) => {
    if (problems.length > 0) expect(problemsOf(text)).toEqual(problems);
    else expect(() => setsOf(text)).toThrow(SettingsError);
  });
});
