// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of Cloud Build are what is tested
import { describe, expect, test } from "vitest";
import type { GivenValues } from "../../src/cloudbuild/index.ts";
import { nothing, problemsOf, read, resolved, saidOf, usual } from "./reading.ts";

/** A build of one step with one argument. */
function argument(text: string, options: Readonly<Record<string, unknown>>, given: GivenValues): string {
  const file = JSON.stringify({ steps: [{ name: "busybox", args: [text] }], options });
  return resolved(file, given).steps[0]?.args[0] ?? "";
}

const loose = { substitutionOption: "ALLOW_LOOSE" };
const dynamic = { ...loose, dynamicSubstitutions: true };
const world: GivenValues = { substitutions: { _VAR: "World" }, builtIns: {} };

describe("references", () => {
  test.each([
    ["Hello $_VAR_FOO, $_VAR", "Hello , World"],
    ["$_VARfoo", "Worldfoo"],
    ["${_VAR}_FOO", "World_FOO"],
    ["$$$_VAR", "$World"],
    ["$${_VAR}", "${_VAR}"],
    ["$$$$_VAR $$$_VAR $$_VAR", "$$_VAR $World $_VAR"],
    ["$(date) $1 $@ $lower ${lower} $", "$(date) $1 $@ $lower ${lower} $"],
    ["${_VAR", "${_VAR"],
    ["${ _VAR}", "${ _VAR}"],
    ["$_VAR$_VAR${_VAR}$$", "WorldWorldWorld$"],
    ["\\$_VAR", "\\World"],
    ["${_VAR:2}", "${_VAR:2}"],
    ["${_VAR:-$_VAR}", "${_VAR:-World}"],
  ])("%s becomes %s", (text, made) => {
    expect(argument(text, loose, world)).toBe(made);
  });

  test("are made once: what a value holds stays", () => {
    const given = { substitutions: { _VAR: "$_VAR $$ ${PROJECT_ID}" }, builtIns: { PROJECT_ID: "p" } };
    expect(argument("$_VAR", loose, given)).toBe("$_VAR $$ ${PROJECT_ID}");
  });

  test("to built-in ones without a value are empty, even with MUST_MATCH", () => {
    expect(argument("a$SHORT_SHA-$TRIGGER_NAME", {}, nothing)).toBe("a-");
  });

  test("are made in every field that Google makes them in, and not in scripts", () => {
    const build = resolved(
      `steps:
- name: img-$_X
  args: [a$_X, "$$_X"]
  entrypoint: e$_X
  env: [E=$_X]
  dir: d$_X
  id: i$_X
- name: b
  script: echo $_X $$ $FOO
images: [r.example/i$_X]
tags: [t$_X]
artifacts:
  images: [r.example/j$_X]
  objects: {location: gs://b$_X, paths: [p$_X]}
availableSecrets:
  secretManager: [{versionName: projects/$_X/secrets/s/versions/1, env: S}]
options: {env: [O=$_X], secretEnv: [S], pool: {name: p$_X}, machineType: M$_X}
serviceAccount: a$_X
logsBucket: l$_X
`,
      { substitutions: { _X: "v" }, builtIns: {} },
    );
    const [first, second] = build.steps;
    expect(first).toMatchObject({
      name: "img-v",
      args: ["av", "$_X"],
      entrypoint: "ev",
      env: { E: "v", O: "v" },
      dir: "/workspace/dv",
      id: "i$_X",
    });
    expect(second?.script).toBe("echo $_X $$ $FOO");
    expect(build.images).toEqual(["r.example/iv", "r.example/jv"]);
    expect(build.tags).toEqual(["tv"]);
    expect(build.objects).toEqual({ location: "gs://bv/", paths: ["pv"] });
    expect(build.secrets).toEqual([{ env: "S", version: "projects/v/secrets/s/versions/1" }]);
    expect(build.google).toEqual({
      "options.pool.name": "pv",
      "options.machineType": "M$_X",
      serviceAccount: "av",
      logsBucket: "lv",
    });
  });
});

describe("values", () => {
  const file = `steps: [{name: a, args: ["$_X $TAG_NAME $PROJECT_ID"]}]
substitutions: {_X: file}
`;

  test("that are given win over those of the file, and over built-in ones of triggers", () => {
    const given = {
      substitutions: { _X: "given", TAG_NAME: "v1" },
      builtIns: { TAG_NAME: "v0", PROJECT_ID: "p" },
    };
    const build = resolved(file, given);
    expect(build.steps[0]?.args).toEqual(["given v1 p"]);
    expect(build.substitutions).toEqual({ _X: "given", TAG_NAME: "v1", PROJECT_ID: "p" });
  });

  test.each([
    [{ PROJECT_ID: "x" }, "the built-in substitution PROJECT_ID cannot be set"],
    [{ BUILD_ID: "x" }, "the built-in substitution BUILD_ID cannot be set"],
    [{ FOO: "x" }, 'invalid substitution key "FOO"'],
    [{ _x: "x" }, 'invalid substitution key "_x"'],
    [{ _X: "x".repeat(4001) }, "the value of _X has more than 4000 characters"],
    [{ [`_${"X".repeat(100)}`]: "x" }, "has more than 100 characters"],
  ])("that cannot be given are refused: %o", (substitutions, message) => {
    expect(saidOf(file, { substitutions, builtIns: {} }).join("\n")).toContain(message);
  });

  test("are at most two hundred", () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`_K${index}`, "v"]));
    const text = `${file}options: {substitutionOption: ALLOW_LOOSE}\n`;
    expect(saidOf(text, { substitutions: many, builtIns: {} })).toEqual([
      "cloudbuild.yaml:1:1: a build has at most 200 substitutions; with those given there are 201",
    ]);
  });
});

describe("MUST_MATCH", () => {
  const file = `steps:
- name: busybox
  args:
  - -c
  - |
    echo $_USED
    echo \${_MISSING}
substitutions:
  _USED: "1"
  _MISING: "2"
`;

  test("says what has no value and what is not asked for, each where it stands", () => {
    expect(saidOf(file, usual)).toEqual([
      'cloudbuild.yaml:1:1: key "_GIT_TAG" in the substitution data is not matched in the template (use it, be it as the variable "_=$_GIT_TAG # unused", or set options.substitutionOption to ALLOW_LOOSE)',
      'cloudbuild.yaml:1:1: key "_PULL_BASE_REF" in the substitution data is not matched in the template (use it, be it as the variable "_=$_PULL_BASE_REF # unused", or set options.substitutionOption to ALLOW_LOOSE)',
      'cloudbuild.yaml:7:10: key in the template "_MISSING" is not matched in the substitution data; substitutions = map[_GIT_TAG:v20261120-v0.1.0-1-g9ba563e _MISING:2 _PULL_BASE_REF:main _USED:1] (did you mean $_MISING?)',
      'cloudbuild.yaml:10:3: key "_MISING" in the substitution data is not matched in the template (use it, be it as the variable "_=$_MISING # unused", or set options.substitutionOption to ALLOW_LOOSE)',
    ]);
  });

  test.each(["substitutionOption", "substitution_option"])("is off with %s: ALLOW_LOOSE", (option) => {
    expect(saidOf(`${file}options: {${option}: ALLOW_LOOSE}\n`, usual)).toEqual([]);
  });

  test("is content with a variable that nobody reads", () => {
    const text = `steps: [{name: a, args: [$_GIT_TAG], env: ["_=$_PULL_BASE_REF # unused"]}]`;
    expect(resolved(text, usual).steps[0]?.env).toEqual({ _: "main # unused" });
  });

  test("does not ask for built-in ones that are given", () => {
    expect(saidOf("steps: [{name: a}]", { substitutions: { TAG_NAME: "v1" }, builtIns: {} })).toEqual([]);
  });
});

test("a key that is neither built-in nor the user's is an error, even with ALLOW_LOOSE", () => {
  const text = `steps:
- name: busybox
  args: ["-c", "echo $HOME \${PROJECTID}"]
options: {substitutionOption: ALLOW_LOOSE}
`;
  expect(saidOf(text)).toEqual([
    'cloudbuild.yaml:3:22: key in the template "HOME" is not a valid built-in substitution (write $$HOME for a variable of the shell; substitutions of your own begin with an underscore)',
    'cloudbuild.yaml:3:28: key in the template "PROJECTID" is not a valid built-in substitution (did you mean $PROJECT_ID? write $$PROJECTID for a variable of the shell)',
  ]);
});

describe("dynamic substitutions", () => {
  test("take values apart", () => {
    const given = { substitutions: { _GIT_TAG: "v20220510-v1.24.0-alpha.0-15-g09bd268" }, builtIns: {} };
    expect(argument("${_GIT_TAG:10}", dynamic, given)).toBe("v1.24.0-alpha.0-15-g09bd268");
    expect(argument("${_GIT_TAG:10}", loose, given)).toBe("${_GIT_TAG:10}");
  });

  test("without which an expansion is said to stay as it is", () => {
    expect(
      saidOf(
        `steps: [{name: a, args: ["$_GIT_TAG $_PULL_BASE_REF \${_GIT_TAG:10} $\${_GIT_TAG:10}"]}]`,
        usual,
      ),
    ).toEqual([
      "cloudbuild.yaml:1:53: warning: ${_GIT_TAG…} stays as it is: parameter expansions need dynamic substitutions (set options.dynamicSubstitutions to true)",
    ]);
  });

  test("let values refer to each other, in any order", () => {
    const text = `steps: [{name: a, args: [$_IMAGE]}]
substitutions: {_IMAGE: "$_REGISTRY/\${_NAME,,}:\${_TAG#v}", _REGISTRY: gcr.io/$PROJECT_ID, _NAME: Demo, _TAG: "\${_GIT_TAG:10}"}
options: {dynamicSubstitutions: true}
`;
    const build = resolved(text, { ...usual, substitutions: { _GIT_TAG: "v20261120-v1.2" } });
    expect(build.steps[0]?.args).toEqual(["gcr.io/k8s-staging-demo/demo:1.2"]);
    expect(build.substitutions).toMatchObject({ _REGISTRY: "gcr.io/k8s-staging-demo", _TAG: "v1.2" });
  });

  test("refuse circles, and show them", () => {
    const text = `steps: [{name: a, args: ["$_A $_D"]}]
substitutions:
  _A: x$_B
  _B: \${_C:1}
  _C: $_A
  _D: $_D
options: {dynamicSubstitutions: true}
`;
    expect(saidOf(text)).toEqual([
      "cloudbuild.yaml:3:7: substitutions refer to each other: _A → _B → _C → _A (give one of them a value of its own)",
      "cloudbuild.yaml:6:7: substitutions refer to each other: _D → _D (give one of them a value of its own)",
    ]);
  });

  test("leave built-in values as they are", () => {
    const given = { substitutions: {}, builtIns: { REPO_NAME: "$_X$$" } };
    expect(argument("$REPO_NAME", dynamic, given)).toBe("$_X$$");
  });

  test.each([
    [
      "${_VAR@Q}",
      'the parameter expansion of "_VAR" is not understood (write $${_VAR… for one of the shell\'s)',
    ],
    ["${_VAR:=x}", "is not understood"],
    ["${_VAR:1:-9}", "cannot be made: -5: substring expression < 0"],
    ["${_VAR:x}", 'the offset "x" is no decimal number'],
    ["${_VAR:010}", "is no decimal number"],
    ["${FOO:-x}", 'key in the template "FOO" is not a valid built-in substitution'],
    [`${"${_NO:-".repeat(30)}${"}".repeat(30)}`, "expansions within expansions, more than 20 deep"],
  ])("say what is wrong with %s", (text, message) => {
    const file = JSON.stringify({ steps: [{ name: "a", args: [text] }], options: dynamic });
    expect(saidOf(file, world).join("\n")).toContain(message);
  });

  test("make references within words and patterns", () => {
    const given = { substitutions: { _VAR: "World", _P: "Wo*", _N: "2" }, builtIns: {} };
    expect(argument("${_NO:-${_VAR:-x}!} ${_VAR#$_P} ${_VAR:$_N} ${_VAR/o/$_N$$}", dynamic, given)).toBe(
      "World! rld rld W2$rld",
    );
  });

  test("take a word for a value that is missing, even with MUST_MATCH", () => {
    expect(argument("${_NO:-w} ${_NO:+w}", { dynamicSubstitutions: true }, nothing)).toBe("w ");
  });

  test("end, however hostile values are", () => {
    const doubling = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [
        `_K${index}`,
        index === 0 ? "xx" : `$_K${index - 1}$_K${index - 1}`,
      ]),
    );
    const file = {
      steps: [{ name: "a", args: ["$_K59"] }],
      substitutions: doubling,
      options: { dynamicSubstitutions: true },
    };
    expect(saidOf(JSON.stringify(file))[0]).toContain(
      "has more than 4000 characters with its references made",
    );
    const value = "a".repeat(4000);
    const stars = "*a".repeat(2000);
    const args = Array.from({ length: 2000 }, (_, index) => `\${_V//$_P${" ".repeat(index % 50)}/b}`);
    const hostile = { steps: [{ name: "a", args }], options: dynamic };
    const said = saidOf(JSON.stringify(hostile), { substitutions: { _V: value, _P: stars }, builtIns: {} });
    expect(said.join("\n")).toContain("the substitutions of this file take more than they may");
  });
});

describe("automapSubstitutions", () => {
  const given = { substitutions: { _X: "x", _Y: "y" }, builtIns: { PROJECT_ID: "p" } };

  test("gives every substitution to the steps as variables, under those that are written", () => {
    const text = `steps:
- {name: a, script: echo $_X, env: [_Y=own]}
- {name: b, script: echo, automapSubstitutions: false}
options: {automapSubstitutions: true, env: [_X=all]}
`;
    const [first, second] = resolved(text, given).steps;
    expect(first?.env).toEqual({ _X: "all", _Y: "own", PROJECT_ID: "p" });
    expect(second?.env).toEqual({ _X: "all" });
  });

  test("can be asked for by one step, and counts as use of all", () => {
    const text = "steps: [{name: a, script: echo, automap_substitutions: true}, {name: b}]";
    const [first, second] = resolved(text, given).steps;
    expect(first?.env).toEqual({ _X: "x", _Y: "y", PROJECT_ID: "p" });
    expect(second?.env).toEqual({});
  });
});

test("a script that asks for a substitution which it does not get is said", () => {
  const text = `steps:
- name: a
  env: [_Y=$_Y]
  script: |
    #!/bin/sh
    echo $_X \${_X:-none} $$_X
    echo $_Y $PROJECT_ID $HOME $_Z
- {name: b, script: echo $_X, automapSubstitutions: true}
`;
  const given = { substitutions: { _X: "x", _Y: "y" }, builtIns: { PROJECT_ID: "p" } };
  const hint = (key: string) =>
    `(give it to the step with env: ["${key}=$${key}"], or set automapSubstitutions to true)`;
  const said = (place: string, key: string) =>
    `cloudbuild.yaml:${place}: warning: $${key} stays as it is: no substitutions are made in a script ${hint(key)}`;
  expect(saidOf(text, given)).toEqual([said("6:10", "_X"), said("6:14", "_X"), said("7:14", "PROJECT_ID")]);
});

test("a file keeps the places of dollar signs, unless escapes hide them", () => {
  const file = read('steps: [{name: a, args: ["a$$b $_X", "\\x24_X$_Y", plain$_X]}]');
  expect(file.steps[0]?.args.map(({ dollars }) => dollars?.map(({ column }) => column))).toEqual([
    [28, 29, 32],
    undefined,
    [56],
  ]);
});

describe("what only Google's service understands", () => {
  const fields = [
    "artifacts: {mavenArtifacts: [{repository: r, path: a/$_X.jar, groupId: g}]}",
    "artifacts: {pythonPackages: [{repository: r, paths: [dist/$_X]}]}",
    "artifacts: {npmPackages: [{repository: 'https://example.com/$_X', packagePath: p}]}",
    "artifacts: {goModules: [{moduleVersion: $_X}]}",
    "artifacts: {genericArtifacts: [{folder: f, registryPath: p/$_X}]}",
    "options: {machineType: $_X}",
    "queueTtl: ${_X}s",
  ];

  test.each(fields)("uses what it refers to: %s", (field) => {
    const text = `steps: [{name: a}]\n${field}\n`;
    expect(problemsOf(text, { ...nothing, substitutions: { _X: "1" } })).toEqual([]);
    expect(problemsOf(`${text}substitutions: {_X: "1"}\n`)).toEqual([]);
  });

  test("needs the values of artifacts, as images do", () => {
    expect(problemsOf(`steps: [{name: a}]\n${fields[0]}\n`)).toMatchObject([{ code: "no-value" }]);
    const made = resolved(`steps: [{name: a}]\n${fields[0]}\nsubstitutions: {_X: "1"}\n`);
    expect(made.google["artifacts.mavenArtifacts"]).toContain('"a/1.jar"');
  });
});
