// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of Cloud Build are what is tested
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CloudBuildError, parseCloudBuild, resolveCloudBuild } from "../../src/cloudbuild/index.ts";
import { problemsOf, read, resolved, saidOf, usual } from "./reading.ts";

const good = `# Everything at once.
steps:
  - id: build
    name: gcr.io/cloud-builders/docker
    args: [build, -t, gcr.io/$PROJECT_ID/x:$_GIT_TAG, .]
    dir: images/../images/x
    timeout: 90.5s
    waitFor: ["-"]
    volumes: [{name: cache, path: /cache}]
  - name: bash
    script: |
      #!/usr/bin/env bash
      echo "$HOME"
    env: [A=1, B=x=y, C=]
    secretEnv: [TOKEN]
    allowFailure: true
    allowExitCodes: [1, 2]
    automapSubstitutions: true
    waitFor: [build]
    volumes: [{name: cache, path: /cache}]
images: [gcr.io/$PROJECT_ID/x:$_GIT_TAG]
artifacts:
  images: [gcr.io/$PROJECT_ID/y]
  objects: {location: gs://bucket/out, paths: [a, b]}
  pythonPackages: [{repository: r, paths: [dist/*]}]
substitutions: {_GIT_TAG: "12345"}
options:
  substitutionOption: ALLOW_LOOSE
  dynamicSubstitutions: true
  automapSubstitutions: false
  env: [B=0]
  machineType: E2_HIGHCPU_8
  diskSizeGb: 100
  logStreamingOption: STREAM_ON
  requestedVerifyOption: VERIFIED
  sourceProvenanceHash: [SHA256]
  pool: {name: projects/p/locations/l/workerPools/w}
timeout: 1200s
queueTtl: 60s
serviceAccount: projects/p/serviceAccounts/a
logsBucket: gs://logs
tags: [one, two, one]
availableSecrets:
  secretManager:
    - versionName: projects/$PROJECT_ID/secrets/token/versions/latest
      env: TOKEN
`;

describe("a file", () => {
  test("is read whole", () => {
    const build = resolved(good, usual);
    expect(build).toMatchObject({
      images: ["gcr.io/k8s-staging-demo/x:v20261120-v0.1.0-1-g9ba563e", "gcr.io/k8s-staging-demo/y"],
      objects: { location: "gs://bucket/out/", paths: ["a", "b"] },
      tags: ["one", "two"],
      timeoutSeconds: 1200,
      secrets: [{ env: "TOKEN", version: "projects/k8s-staging-demo/secrets/token/versions/latest" }],
    });
    expect(build.google).toEqual({
      "artifacts.pythonPackages": '[{"repository":"r","paths":["dist/*"]}]',
      "options.machineType": "E2_HIGHCPU_8",
      "options.diskSizeGb": "100",
      "options.logStreamingOption": "STREAM_ON",
      "options.requestedVerifyOption": "VERIFIED",
      "options.sourceProvenanceHash": '["SHA256"]',
      "options.pool.name": "projects/p/locations/l/workerPools/w",
      queueTtl: "60s",
      serviceAccount: "projects/p/serviceAccounts/a",
      logsBucket: "gs://logs",
    });
    expect(build.steps[0]).toEqual({
      index: 0,
      id: "build",
      name: "gcr.io/cloud-builders/docker",
      args: ["build", "-t", "gcr.io/k8s-staging-demo/x:v20261120-v0.1.0-1-g9ba563e", "."],
      env: { B: "0" },
      secretEnv: [],
      dir: "/workspace/images/x",
      volumes: [{ name: "cache", path: "/cache" }],
      timeoutSeconds: 90.5,
      allowFailure: false,
      allowExitCodes: [],
      waitFor: [],
      at: { line: 3, column: 5 },
    });
    expect(build.steps[1]).toMatchObject({
      script: '#!/usr/bin/env bash\necho "$HOME"\n',
      env: { A: "1", B: "x=y", C: "", PROJECT_ID: "k8s-staging-demo", _PULL_BASE_REF: "main" },
      secretEnv: ["TOKEN"],
      allowFailure: true,
      allowExitCodes: [1, 2],
      waitFor: [0],
    });
  });

  test("may be written in snake_case, and means the same", () => {
    const snake = good.replaceAll(
      /^([\s-]*)([a-z]+(?:[A-Z][a-z]*)+):/gm,
      (_, before: string, name: string) => {
        return `${before}${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}:`;
      },
    );
    expect(snake).toContain("secret_env:");
    expect(resolved(snake, usual)).toEqual(resolved(good, usual));
    expect(read(snake).document).toEqual(read(good).document);
  });

  test("may be JSON, with tabs too", () => {
    const { document } = read(good);
    const json = JSON.stringify(document, null, "\t");
    const withoutPlaces = (text: string) => ({
      ...resolved(text, usual),
      steps: resolved(text, usual).steps.map(({ at: _, ...step }) => step),
    });
    expect(withoutPlaces(json)).toEqual(withoutPlaces(good));
    expect(read(json).document).toEqual(document);
  });

  test("is kept as Google's API takes it", () => {
    const { document } = read(`steps:
- name: a
  args: x
  wait_for: ["-"]
  allow_failure: True
  allow_exit_codes: [1]
  new_field: {inner_field: [1, yes, "2", null, 1.5, true]}
  env:
options: {disk_size_gb: 200, worker_pool: w}
substitutions: {_A: 1, _B: ~}
`);
    expect(document).toEqual({
      steps: [
        {
          name: "a",
          args: ["x"],
          waitFor: ["-"],
          allowFailure: true,
          allowExitCodes: [1],
          newField: { inner_field: [1, "yes", "2", null, 1.5, true] },
        },
      ],
      options: { diskSizeGb: 200, workerPool: "w" },
      substitutions: { _A: "1", _B: "" },
    });
  });

  test("without a timeout takes an hour, as the hosted service has it", () => {
    expect(resolved("steps: [{name: a}]").timeoutSeconds).toBe(3600);
  });

  test.each([
    ["", "/workspace"],
    ["sub", "/workspace/sub"],
    ["./a/../b/", "/workspace/b"],
    ["..", "/"],
    ["../../etc", "/etc"],
    ["/abs/./x", "/abs/x"],
  ])("with dir %o runs in %s", (dir, expected) => {
    expect(resolved(JSON.stringify({ steps: [{ name: "a", dir }] })).steps[0]?.dir).toBe(expected);
  });
});

describe("the order of steps", () => {
  const order = (...steps: object[]) =>
    resolved(JSON.stringify({ steps: steps.map((step) => ({ name: "a", ...step })) })).steps.map(
      ({ waitFor }) => waitFor,
    );

  test("is that of the file", () => {
    expect(order({}, {}, { waitFor: [] })).toEqual([[], [0], [0, 1]]);
  });

  test("is what waitFor says", () => {
    const steps = order(
      { id: "a" },
      { id: "b", waitFor: ["-"] },
      { id: "c", waitFor: ["b", "a", "b"] },
      { waitFor: ["c", "-"] },
      {},
    );
    expect(steps).toEqual([[], [], [0, 1], [2], [0, 1, 2, 3]]);
  });
});

/** Text, and what is said of it, without the name of the file. */
const bad: readonly (readonly [string, string, ...string[]])[] = [
  ["an empty file", "", "1:1: the file is empty; a build needs steps"],
  ["no mapping", "- a", "1:1: expected a mapping, found a list"],
  ["no YAML", "steps: [\n", "2:1: not YAML: "],
  [
    "two documents",
    "steps: [{name: a}]\n---\nsteps: []\n",
    "2:1: a second document starts here (a build is one)",
  ],
  ["no steps", "images: []", "1:1: a build needs steps"],
  ["empty steps", "tags: []\nsteps: []", "2:8: a build needs at least one step"],
  [
    "steps that are a mapping",
    "steps: {name: a}",
    "1:8: steps: expected a list, found a mapping (start each item with a dash)",
  ],
  [
    "misspelt steps",
    "step: [{name: a}]",
    '1:1: warning: unknown key "step" in a build (did you mean steps?)',
    "1:1: a build needs steps",
  ],
  [
    "a step without a name",
    "steps:\n- args: [a]",
    "2:3: step 0 has no name (name is the image that the step runs in)",
  ],
  [
    "a step with an empty name",
    'steps: [{name: ""}]',
    "1:16: step 0 has no name (name is the image that the step runs in)",
  ],
  ["a step that is a text", "steps: [docker]", "1:9: steps[0]: expected a mapping, found a text"],
  [
    "an empty item",
    "steps:\n- name: a\n  args:\n  - b\n  -\n",
    "5:4: steps[0].args[1]: expected a text, found nothing",
  ],
  [
    "a list for a text",
    "steps: [{name: [a]}]",
    "1:16: steps[0].name: expected a text, found a list",
    "1:9: step 0 has no name (name is the image that the step runs in)",
  ],
  ["a repeated key", "steps: [{name: a, name: b}]", "1:19: the key name stands twice (keep one of them)"],
  [
    "two spellings",
    "steps: [{name: a, waitFor: ['-'], wait_for: ['-']}]",
    "1:35: wait_for and waitFor are one field in two spellings (keep one of them)",
  ],
  [
    "an unknown field",
    "steps: [{name: a, entryPoint: b}]",
    '1:19: warning: unknown key "entryPoint" in a step (did you mean entrypoint?)',
  ],
  [
    "a field of another world",
    "steps: [{name: a, commands: b}]",
    '1:19: warning: unknown key "commands" in a step',
  ],
  [
    "a scalar for a list",
    "steps: [{name: a, args: b}]",
    "1:25: warning: steps[0].args is no list: repeated string fields containing one element must be specified like ['foo'], not 'foo' (it is read as a list of one)",
  ],
  [
    "a number for a text",
    "steps: [{name: a, args: [1.10]}]",
    "1:26: warning: steps[0].args[0] is 1.10, which is no text for Google's tools: they refuse it (put it in quotes)",
  ],
  ["a word for a flag", "steps: [{name: a, allowFailure: maybe}]", "1:33: expected true or false"],
  ["a word for a number", "steps: [{name: a, allowExitCodes: [one]}]", "1:36: expected a whole number"],
  [
    "an unknown option",
    "steps: [{name: a}]\noptions: {substitutionOption: ALLOW_LOSE}",
    "2:31: expected MUST_MATCH or ALLOW_LOOSE (did you mean ALLOW_LOOSE?)",
  ],
  [
    "minutes",
    "steps: [{name: a}]\ntimeout: 20m",
    '2:10: invalid timeout: "20m" (a duration is a number of seconds with an s behind it, as in 1200s)',
  ],
  [
    "no time",
    "steps: [{name: a}]\ntimeout: 0s",
    '2:10: invalid timeout: "0s" (a duration is a number of seconds with an s behind it, as in 1200s)',
  ],
  [
    "too long a build",
    "steps: [{name: a}]\ntimeout: 86401s",
    "2:10: a build may take 24 hours at most (write 86400s or less)",
  ],
  [
    "a step longer than its build",
    "steps: [{name: a, timeout: 61s}]\ntimeout: 60s",
    "1:28: the step may take 61s, longer than the whole build with its 60s, which stands in the file (raise the timeout of the build, or lower that of the step)",
  ],
  [
    "a step longer than an hour",
    "steps: [{name: a, timeout: 3601s}]",
    "1:28: the step may take 3601s, longer than the whole build with its 3600s, which is so because the file names no other (raise the timeout of the build, or lower that of the step)",
  ],
  [
    "a script and args",
    "steps: [{name: a, script: b, args: [c]}]",
    "1:27: a step has a script or args, never both (keep one of them)",
  ],
  [
    "a script and an entrypoint",
    "steps: [{name: a, script: b, entrypoint: c}]",
    "1:27: a step has a script or an entrypoint, never both (keep one of them)",
  ],
  [
    "the id -",
    'steps: [{name: a, id: "-"}]',
    '1:23: the id "-" is reserved: waitFor: ["-"] means that a step waits for nothing (choose another id)',
  ],
  [
    "an id twice",
    "steps: [{name: a, id: b}, {name: a, id: b}]",
    '1:41: a step before it has the id "b" already (ids are unique in a file)',
  ],
  [
    "an unknown id",
    "steps: [{name: a, id: build}, {name: a, waitFor: [biuld]}]",
    '1:51: no step has the id "biuld" (did you mean build?)',
  ],
  [
    "an id from nowhere",
    "steps: [{name: a, id: build}, {name: a, waitFor: [push]}]",
    '1:51: no step has the id "push" (ids here: "build")',
  ],
  [
    "a step that waits for itself",
    "steps: [{name: a, id: b, waitFor: [b]}]",
    '1:36: the step "b" waits for itself',
  ],
  [
    "a step that waits for a later one",
    "steps: [{name: a, waitFor: [b]}, {name: a, id: b}]",
    '1:29: the step "b" stands below this one; a step waits only for those above it (put the step that is waited for first)',
  ],
  [
    "steps that wait for each other",
    "steps:\n- {name: a, id: a, waitFor: [c]}\n- {name: a, id: b, waitFor: [a]}\n- {name: a, id: c, waitFor: [b]}",
    '2:30: steps wait for each other: "a" → "c" → "b" → "a" (take one of them out of a waitFor)',
  ],
  [
    "a key that is no user's",
    "steps: [{name: a}]\nsubstitutions: {FOO: a}",
    '2:17: invalid substitution key "FOO": those of a file match ^_[A-Z0-9_]+$ (begin with an underscore, and use capital letters, digits and underscores)',
  ],
  [
    "a built-in key",
    "steps: [{name: a}]\nsubstitutions: {PROJECT_ID: a}",
    '2:17: invalid substitution key "PROJECT_ID": those of a file match ^_[A-Z0-9_]+$ (begin with an underscore, and use capital letters, digits and underscores)',
  ],
  [
    "capital letters in an image",
    "steps: [{name: a}]\nimages: [gcr.io/p/Foo:V1]",
    '2:10: invalid image name "gcr.io/p/Foo:V1" contains uppercase letters',
  ],
  [
    "an empty tag",
    "steps: [{name: a}]\nimages: [gcr.io/p/x:$SHORT_SHA]",
    '2:10: invalid image name "gcr.io/p/x:": could not parse reference: its tag is empty (the file has gcr.io/p/x:$SHORT_SHA, and $SHORT_SHA is empty: --substitution SHORT_SHA=… gives it a value)',
  ],
  [
    "a step's image that is none",
    "steps: [{name: a b}]",
    '1:16: invalid image name "a b": could not parse reference: "a b" is no repository',
  ],
  [
    "a hole in an image is said once",
    "steps: [{name: a}]\nimages: [gcr.io/p/x:$_TAG]",
    '2:21: key in the template "_TAG" is not matched in the substitution data; substitutions = map[] (give it a value under substitutions, or set options.substitutionOption to ALLOW_LOOSE)',
  ],
  [
    "a build tag",
    'steps: [{name: a}]\ntags: ["", "a b"]',
    '2:12: invalid build tag "a b" (1 to 128 letters, digits, _ . and -, of which . and - do not come first)',
  ],
  [
    "a variable without a value",
    "steps: [{name: a, env: [A]}]",
    '1:25: the variable "A" has no value (write NAME=value, or NAME= for an empty value)',
  ],
  [
    "a variable without a name",
    "steps: [{name: a, env: [=A]}]",
    '1:25: the variable "=A" has no name (write NAME=value, or NAME= for an empty value)',
  ],
  [
    "a variable that is a secret too",
    "steps: [{name: a, env: [S=1], secretEnv: [S]}]\nsecrets: [{kmsKeyName: k, secretEnv: {S: eA==}}]",
    '1:25: the variable "S" is in env and in secretEnv (keep one of them)',
  ],
  [
    "a variable of options that is a secret of a step",
    "steps: [{name: a, secretEnv: [S]}]\noptions: {env: [S=1]}\nsecrets: [{kmsKeyName: k, secretEnv: {S: eA==}}]",
    '1:31: the variable "S" is in the env of options and in secretEnv (keep one of them)',
  ],
  [
    "a variable of options that is a secret of options",
    "steps: [{name: a}]\noptions: {env: [S=1], secretEnv: [S]}\nsecrets: [{kmsKeyName: k, secretEnv: {S: eA==}}]",
    '2:35: the variable "S" is in env and in secretEnv (keep one of them)',
  ],
  [
    "an unknown secret",
    "steps: [{name: a, secretEnv: [TOKN]}]\navailableSecrets: {secretManager: [{versionName: v, env: TOKEN}]}",
    '1:31: no secret has the variable "TOKN" (did you mean TOKEN?)',
    '2:58: warning: the secret "TOKEN" is asked for by no step; Google\'s service refuses that (name it in the secretEnv of a step)',
  ],
  [
    "a secret twice",
    "steps: [{name: a, secretEnv: [S]}]\navailableSecrets: {secretManager: [{versionName: v, env: S}], inline: [{kmsKeyName: k, envMap: {S: x}}]}",
    '2:97: two secrets have the variable "S"',
  ],
  [
    "a secret without a version",
    "steps: [{name: a}]\navailableSecrets: {secretManager: [{env: S}]}",
    "2:36: a secret of Secret Manager needs versionName",
  ],
  [
    "a volume for one step",
    "steps:\n- {name: a, volumes: [{name: vo, path: /v}]}\n- {name: b}",
    '2:30: the volume "vo" is used by one step alone (what one step needs can stand anywhere in its container)',
  ],
  [
    "a volume of options for one step",
    "steps: [{name: a}]\noptions: {volumes: [{name: vo, path: /v}]}",
    '2:28: the volume "vo" is used by one step alone (what one step needs can stand anywhere in its container)',
  ],
  [
    "a reserved path",
    "steps: [{name: a, volumes: [{name: vo, path: /workspace/}]}]",
    '1:46: the path "/workspace/" is reserved (mount the volume elsewhere)',
  ],
  [
    "a relative path",
    "steps: [{name: a, volumes: [{name: vo, path: v}]}]",
    '1:46: the path of a volume is absolute, unlike "v"',
  ],
  [
    "a short volume name",
    "steps: [{name: a, volumes: [{name: v, path: /v}]}]",
    '1:36: invalid volume name "v" (two or more letters, digits, _ . and -, of which a letter or digit comes first)',
  ],
  ["a volume without a path", "steps: [{name: a, volumes: [{name: vo}]}]", "1:29: a volume needs a path"],
  [
    "a volume twice in a step",
    "steps: [{name: a}, {name: a, volumes: [{name: vo, path: /w}]}]\noptions: {volumes: [{name: vo, path: /v}]}",
    '1:47: the step has a volume "vo" already',
  ],
  [
    "a place that is no bucket",
    "steps: [{name: a}]\nartifacts: {objects: {location: s3://b, paths: [a]}}",
    '2:33: invalid artifacts.objects.location: "s3://b" does not start with gs://',
  ],
  [
    "a path twice",
    "steps: [{name: a}]\nartifacts: {objects: {location: gs://b, paths: [a, a, b c]}}",
    '2:52: the artifact path "a" stands twice',
    '2:55: invalid artifact path "b c": it is empty or has blanks in it',
  ],
  [
    "no place",
    "steps: [{name: a}]\nartifacts: {objects: {paths: [a]}}",
    "2:22: artifacts.objects needs a location (as in gs://bucket/folder/)",
  ],
];

describe("what is wrong", () => {
  test.each(bad)("is said with its place: %s", (_, text, ...expected) => {
    const said = saidOf(text).map((line) => line.replace("cloudbuild.yaml:", ""));
    expect(said).toHaveLength(expected.length);
    for (const [index, line] of said.entries()) {
      const [wanted = ""] = [expected[index]];
      if (wanted.endsWith("not YAML: ")) expect(line).toContain(wanted);
      else expect(expected).toContain(line);
    }
  });

  test("is all said, in the order of the file", () => {
    const text = "steps:\n- args: b\n- name: a\n  waitFor: [x]\n  timeout: 1h\ntimeout: 2h\n";
    expect(problemsOf(text).map(({ at }) => at?.line)).toEqual([2, 2, 4, 5, 6]);
  });

  test("is an error that holds all of it", () => {
    const { diagnostics } = parseCloudBuild("steps: [{name: a, timeout: 1h}, {}]", "dir/cloudbuild.yaml");
    const error = new CloudBuildError("dir/cloudbuild.yaml", diagnostics);
    expect(error).toMatchObject({ code: "cloudbuild-invalid", where: "dir/cloudbuild.yaml", diagnostics });
    expect(error.message).toMatch(
      /^2 problems\n {2}dir\/cloudbuild\.yaml:1:28: invalid steps\[0\]\.timeout.*\n.*1:33: step 1 has no name/,
    );
    const one = new CloudBuildError("f", diagnostics.slice(1));
    expect(one).toMatchObject({
      where: "dir/cloudbuild.yaml:1:33",
      message: "step 1 has no name",
      hint: expect.any(String),
    });
  });

  test("never steers a terminal", () => {
    expect(saidOf('steps: [{name: "a\\e[31m"}]').join()).not.toContain("\u001b");
    expect(saidOf('"\\e[31m": 1\nsteps: [{name: a}]').join()).not.toContain("\u001b");
  });

  test("does not grow without end", () => {
    const many = `steps:\n- name: a\n  args: [${"$X,".repeat(5000)}]\n`;
    expect(problemsOf(many)).toHaveLength(500);
    expect(problemsOf("a".repeat(1024 * 1024 + 1))[0]?.message).toContain("more than 1048576 characters");
  });

  test("is the 301st step", () => {
    const steps = (count: number) => `steps:\n${"- name: a\n".repeat(count)}`;
    expect(saidOf(steps(300))).toEqual([]);
    expect(saidOf(steps(302))).toEqual(["cloudbuild.yaml:302:3: a build has at most 300 steps"]);
  });
});

describe("reading", () => {
  const ends = (text: string): void => {
    const { build, diagnostics } = parseCloudBuild(text, "f");
    expect(build === undefined).toBe(diagnostics.some(({ severity }) => severity === "error"));
    if (build === undefined) return;
    const resolution = resolveCloudBuild(build, usual);
    expect(resolution.build === undefined).toBe(
      resolution.diagnostics.some(({ severity }) => severity === "error"),
    );
  };

  test("ends well or not, but ends, for any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), ends), { numRuns: 500 });
  });

  test("ends for any change of a file", () => {
    const pieces = [
      "$",
      "${",
      "}",
      "$$",
      "_GIT_TAG",
      ":",
      "- ",
      "\n",
      "  ",
      "[",
      "]",
      "{",
      "'",
      '"',
      "&a ",
      "*a",
      "<<: ",
      "|",
      "~",
      "1",
      "\u0000",
      "__proto__: ",
      "constructor: x",
    ];
    const edit = fc.record({
      at: fc.nat(good.length),
      remove: fc.nat(30),
      put: fc.array(fc.constantFrom(...pieces), { maxLength: 4 }),
    });
    const edits = fc.array(edit, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(edits, (all) => {
        ends(
          all.reduce(
            (text, { at, remove, put }) => text.slice(0, at) + put.join("") + text.slice(at + remove),
            good,
          ),
        );
      }),
      { numRuns: 500 },
    );
  });

  test("takes names of the language for names", () => {
    const text =
      "steps: [{name: a, env: [__proto__=x, constructor=y], toString: 1}]\n__proto__: {x: 1}\nsubstitutions: {__proto__: a}";
    expect(saidOf(text).join("\n")).toContain('invalid substitution key "__proto__"');
    const build = resolved("steps: [{name: a, env: [__proto__=x, constructor=y]}]");
    expect(Object.entries(build.steps[0]?.env ?? {})).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });
});
