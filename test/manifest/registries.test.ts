import { describe, expect, test } from "vitest";
import { parseRegistries } from "../../src/manifest/index.ts";
import { told } from "./findings.ts";

const file = "promoter-manifest.yaml";
const source = "- name: gcr.io/foo-staging\n  src: true\n";
const destination = "- name: us.gcr.io/some-prod\n";

function readAs(text: string): unknown {
  const { registries } = parseRegistries(text, file);
  return registries && [registries.source.name, ...registries.destinations.map(({ name }) => name)];
}

function toldOf(text: string): string[] {
  return told(parseRegistries(text, file).diagnostics);
}

describe("what is read", () => {
  test("source and destinations, in their order, with service accounts and places", () => {
    const text = `# top\nregistries:\n- name: us.gcr.io/some-prod/sub\n  service-account: sa@x\n${source}- name: eu.gcr.io/some-prod\n`;
    expect(parseRegistries(text, file)).toEqual({
      registries: {
        source: { name: "gcr.io/foo-staging", at: { line: 5, column: 3 } },
        destinations: [
          { name: "us.gcr.io/some-prod/sub", serviceAccount: "sa@x", at: { line: 3, column: 3 } },
          { name: "eu.gcr.io/some-prod", at: { line: 7, column: 3 } },
        ],
      },
      diagnostics: [],
    });
  });

  test.each(["true", "True", "yes", "on", "ON", "y"])("src: %s is the source", (src) => {
    expect(readAs(`registries:\n- name: gcr.io/a\n  src: ${src}\n${destination}`)).toEqual([
      "gcr.io/a",
      "us.gcr.io/some-prod",
    ]);
  });

  test.each(["false", "no", "off", "N"])("src: %s is a destination", (src) => {
    expect(readAs(`registries:\n${source}- name: gcr.io/a\n  src: ${src}\n`)).toEqual([
      "gcr.io/foo-staging",
      "gcr.io/a",
    ]);
  });

  test.each(["k8s.gcr.io", "localhost:5000", "localhost", "[::1]:5000/a", "10.0.0.1:5000/a/b/c"])(
    "%s is a registry",
    (name) => {
      expect(readAs(`registries:\n${source}- name: "${name}"\n`)).toEqual(["gcr.io/foo-staging", name]);
    },
  );

  test("a null service account is none", () => {
    const { registries, diagnostics } = parseRegistries(
      `registries:\n${source}  service-account:\n${destination}`,
      file,
    );
    expect(registries?.source).toEqual({ name: "gcr.io/foo-staging", at: { line: 2, column: 3 } });
    expect(diagnostics).toEqual([]);
  });

  test("imagesPath is read over", () => {
    const text = `registries:\n${source}${destination}imagesPath: ../x\n`;
    expect(readAs(text)).toEqual(["gcr.io/foo-staging", "us.gcr.io/some-prod"]);
    expect(toldOf(text)).toEqual(["5:1 deprecated-images-path imagesPath has no meaning; leave it out"]);
  });

  test("no destination at all is worth a note", () => {
    expect(readAs(`registries:\n${source}`)).toEqual(["gcr.io/foo-staging"]);
    expect(toldOf(`registries:\n${source}`)).toEqual([
      "2:1 no-destinations nothing is promoted: gcr.io/foo-staging is the only registry",
    ]);
  });
});

describe("a destination with a fault is left out", () => {
  test.each<[string, string, string[]]>([
    ["no name", "- service-account: x\n", ["5:3 missing-name registries: 'name' field cannot be empty"]],
    ["a null name", "- name:\n", ["5:8 missing-name registries: 'name' field cannot be empty"]],
    ["a mapping as name", "- name: {a: b}\n", ["5:9 wrong-type the name of a registry must be text"]],
    [
      "no registry name",
      "- name: gcr.io/Foo\n",
      ["5:9 invalid-registry invalid registry: gcr.io/Foo (repository names are lower case)"],
    ],
    [
      "a trailing slash",
      "- name: gcr.io/foo/\n",
      ["5:9 invalid-registry invalid registry: gcr.io/foo/ (it has an empty path component)"],
    ],
    [
      "a scheme",
      "- name: https://gcr.io/foo\n",
      [
        "5:9 invalid-registry invalid registry: https://gcr.io/foo (it has a scheme; write it without, as in registry.example.com/foo)",
      ],
    ],
    [
      "a password",
      "- name: me:secret@gcr.io/foo\n",
      [
        "5:9 invalid-registry invalid registry: …@gcr.io/foo (it has a user name in it; no password belongs there: log in with waybill login HOST)",
      ],
    ],
    [
      "no host",
      "- name: foo\n",
      [
        '5:9 invalid-registry invalid registry: foo ("foo" is no registry host; write it out, as in docker.io/library/foo)',
      ],
    ],
    [
      "a token",
      "- name: gcr.io/x\n  token: hunter2\n",
      ['6:3 unknown-key unknown key "token" in a registry'],
    ],
    [
      "a wrong key",
      "- name: gcr.io/x\n  service-acount: y\n",
      ['6:3 unknown-key unknown key "service-acount" in a registry'],
    ],
    ["a key twice", "- name: gcr.io/x\n  name: gcr.io/y\n", ["6:3 duplicate-key the key name stands twice"]],
    [
      "a list as account",
      "- name: gcr.io/x\n  service-account: [y]\n",
      ["6:20 wrong-type service-account must be text"],
    ],
    ["text", "- gcr.io/x\n", ["5:3 wrong-type a registry must have a name: - name: HOST/PATH"]],
    [
      "the source",
      "- name: gcr.io/foo-staging\n",
      ["5:3 destination-is-source gcr.io/foo-staging is both source and destination"],
    ],
    [
      "one that is there",
      "- name: us.gcr.io/some-prod\n  service-account: y\n",
      ["5:3 duplicate-registry the registry us.gcr.io/some-prod is listed twice"],
    ],
  ])("%s", (_, item, findings) => {
    const text = `registries:\n${source}${destination}${item}`;
    expect(readAs(text)).toEqual(["gcr.io/foo-staging", "us.gcr.io/some-prod"]);
    expect(toldOf(text)).toEqual(findings);
  });

  test("no hint, and no message, repeats a token", () => {
    const { diagnostics } = parseRegistries(
      `registries:\n${source}- name: gcr.io/x\n  token: hunter2\n`,
      file,
    );
    expect(JSON.stringify(diagnostics)).not.toContain("hunter2");
  });
});

describe("without one sound source there is nothing", () => {
  test.each<[string, string, string[]]>([
    ["an empty file", "", ["1:1 no-registries 'registries' field cannot be empty"]],
    ["a comment", "# nothing\n", ["1:1 no-registries 'registries' field cannot be empty"]],
    ["null", "~\n", ["1:1 no-registries 'registries' field cannot be empty"]],
    [
      "no registries",
      "imagesPath: x\n",
      [
        "1:1 deprecated-images-path imagesPath has no meaning; leave it out",
        "1:1 no-registries 'registries' field cannot be empty",
      ],
    ],
    ["empty registries", "registries: []\n", ["1:13 no-registries 'registries' field cannot be empty"]],
    ["null registries", "registries:\n", ["1:12 no-registries 'registries' field cannot be empty"]],
    ["registries as a mapping", "registries: {a: b}\n", ["1:13 wrong-type registries must be a list"]],
    ["a list", source, ["1:1 wrong-type a thin promoter manifest must have the key registries"]],
    [
      "a misspelt key",
      `regstries:\n${source}`,
      ['1:1 unknown-key unknown key "regstries" in a thin promoter manifest'],
    ],
    [
      "registries twice",
      `registries:\n${source}${destination}registries: []\n`,
      ["5:1 duplicate-key the key registries stands twice"],
    ],
    ["no source", `registries:\n${destination}`, ["2:1 no-source source registry must be set"]],
    [
      "two sources",
      `registries:\n${source}${destination}- name: gcr.io/bar\n  src: on\n`,
      ["5:3 several-sources cannot have more than 1 source registry"],
    ],
    [
      "three sources",
      `registries:\n${source}${source}${source}`,
      [
        "4:3 several-sources cannot have more than 1 source registry",
        "6:3 several-sources cannot have more than 1 source registry",
      ],
    ],
    [
      "src in quotes",
      `registries:\n- name: gcr.io/a\n  src: "true"\n${destination}`,
      ["3:8 wrong-type src must be true or false"],
    ],
    [
      "src as a number",
      `registries:\n- name: gcr.io/a\n  src: 1\n${destination}`,
      ["3:8 wrong-type src must be true or false"],
    ],
    [
      "src without value",
      `registries:\n- name: gcr.io/a\n  src:\n${destination}`,
      ["3:7 wrong-type src must be true or false"],
    ],
    [
      "src misspelt",
      `registries:\n- name: gcr.io/a\n  scr: true\n${destination}`,
      ['3:3 unknown-key unknown key "scr" in a registry'],
    ],
    [
      "src twice",
      `registries:\n- name: gcr.io/a\n  src: false\n  src: true\n${destination}`,
      ["4:3 duplicate-key the key src stands twice"],
    ],
    [
      "a source without name",
      `registries:\n- src: true\n${destination}`,
      ["2:3 missing-name registries: 'name' field cannot be empty"],
    ],
    [
      "an unsound source",
      `registries:\n- name: gcr.io/a b\n  src: true\n${destination}`,
      ['2:9 invalid-registry invalid registry: gcr.io/a b ("a b" is no repository path)'],
    ],
    [
      "two documents",
      `registries:\n${source}---\nregistries:\n`,
      ["4:1 second-document a second document starts here"],
    ],
    [
      "no YAML",
      "registries:\n- name: a\n\tsrc: true\n",
      ["3:1 yaml-syntax not YAML: tab characters must not be used in indentation"],
    ],
  ])("%s", (_, text, findings) => {
    expect(readAs(text)).toBeUndefined();
    expect(toldOf(text)).toEqual(findings);
  });
});

test.each([
  ["srcregistry", "older tools accept this key by accident and ignore it; leave it out"],
  ["filepath", "older tools accept this key by accident and ignore it; leave it out"],
  ["images", "a thin manifest has its images in images/<project>/images.yaml"],
  ["Registries", "did you mean registries?"],
  ["imagePath", "did you mean imagesPath?"],
  ["renames", "a thin promoter manifest has registries, imagesPath and provenance"],
])("the key %s is refused, and the rest stands", (key, hint) => {
  const text = `registries:\n${source}${destination}${key}: []\n`;
  const { registries, diagnostics } = parseRegistries(text, file);
  expect(registries).toBeDefined();
  expect(diagnostics.map(({ code, hint }) => [code, hint])).toEqual([["unknown-key", hint]]);
});
