import { describe, expect, test } from "vitest";
import { parseJobs } from "../../src/jobs/index.ts";

const head = "name: a\nrepo: https://github.com/example/a\n";

/** What a job file with these lines says is done, or what is wrong with it. */
function workOf(text: string) {
  const { jobs, diagnostics } = parseJobs(`${head}${text}`, "f.yaml");
  if (diagnostics.length > 0) {
    return diagnostics.map(({ at, message, hint }) => {
      const more = hint === undefined ? "" : ` (${hint})`;
      return `${at?.line}:${at?.column}: ${message}${more}`;
    });
  }
  return jobs[0]?.job.work;
}

describe("a job does", () => {
  test.each<[string, object]>([
    ["promote: {manifests: registry.k8s.io}", { kind: "promote", promote: { manifests: "registry.k8s.io" } }],
    [
      "promote: {manifests: cip-manifest.yaml, dryRun: true, strict: yes}",
      { kind: "promote", promote: { manifests: "cip-manifest.yaml", dryRun: true, strict: true } },
    ],
    [
      "pullRequest: {paths: ^registry}\nreview: {manifests: ., post: false, allowRemovals: true, requireApproval: true}",
      {
        kind: "review",
        review: { manifests: ".", post: false, allowRemovals: true, requireApproval: true },
      },
    ],
    [
      "clock: {cron: 0 7 * * *, zone: Europe/Berlin, ref: main}\nverify: {manifests: m, attempts: 3, sample: 2%, signatures: true}",
      { kind: "verify", verify: { manifests: "m", attempts: 3, sample: "2%", signatures: true } },
    ],
    [
      "snapshot: {registry: gcr.io/k8s-staging-a, manifests: m, minimal: true, artifact: all.csv}",
      {
        kind: "snapshot",
        snapshot: { registry: "gcr.io/k8s-staging-a", manifests: "m", minimal: true, artifact: "all.csv" },
      },
    ],
    [
      "after: build\npropose: {from: build, repo: https://github.com/example/k8s.io, manifests: m, staging: gcr.io/s}",
      {
        kind: "propose",
        propose: {
          from: "build",
          repo: "https://github.com/example/k8s.io",
          manifests: "m",
          staging: "gcr.io/s",
        },
      },
    ],
    [
      "triggers: {branch: ^v}\npropose: {from: release, repo: git@example.com:a/b, manifests: m, project: kops, profile: k8s, images: [a*, b], base: main, fork: me/b, reviewers: o/t, labels: [x], hold: false}",
      {
        kind: "propose",
        propose: {
          from: "release",
          repo: "git@example.com:a/b",
          manifests: "m",
          project: "kops",
          profile: "k8s",
          images: ["a*", "b"],
          base: "main",
          fork: "me/b",
          reviewers: ["o/t"],
          labels: ["x"],
          hold: false,
        },
      },
    ],
  ])("%j", (text, expected) => {
    expect(workOf(text)).toEqual(expected);
  });
});

const promote = "promote: {manifests: m}";
const proposal = "repo: git@example.com:a/b, manifests: m, project: p";

describe("what cannot be meant is refused:", () => {
  test.each<[string, string[]]>([
    [
      "promote: {manifests: m}\nbuild: {dir: .}",
      [
        "4:1: a job does one thing: build and promote exclude each other (write a job for each, and the second after: the first)",
      ].map((line) => line.replace("4:1", "3:1")),
    ],
    ["promote: {}", ["3:10: manifests is missing"]],
    ["promote: {manifests: ../m}", ["3:22: the path leads out of the repository"]],
    [
      "promote: {manifests: m, run: make}",
      ['3:25: unknown key "run" in a promotion (a promotion has manifests, dryRun and strict)'],
    ],
    ["promte: {manifests: m}", ['3:1: unknown key "promte" in a job (did you mean promote?)']],
    [
      `${promote}\npullRequest: {}`,
      [
        "4:1: a pull request cannot start a job with promote: what is not merged is not promoted: a job with review judges it",
      ],
    ],
    [`${promote}\nenv: {A: b}`, ["4:1: a build alone has variables"]],
    [`${promote}\nafter: a`, ["4:8: a job cannot come after itself"]],
    [
      `${promote}\nregistry: {repository: ^gcr}`,
      ["4:1: ref is missing beside registry: no registry says which branch is worked on"],
    ],
    [`${promote}\nref: main\nregistry: {tag: ^v}`, ["5:11: repository is missing"]],
    [`${promote}\nclock: {every: 1h}`, ["4:8: ref is missing"]],
    [`${promote}\nclock: {every: 1h, zone: UTC, ref: main}`, ["4:20: a zone is that of cron"]],
    [
      `${promote}\nclock: {cron: 0 7 * * *, zone: Europe/Berln, ref: main}`,
      ['4:32: there is no time zone "Europe/Berln": expected a name such as Europe/Berlin'],
    ],
    [
      `${promote}\nclock: {cron: TZ=Nowhere 0 7 * * *, ref: main}`,
      ['4:15: there is no time zone "Nowhere": expected a name such as Europe/Berlin'],
    ],
    [
      `${promote}\nclock: {cron: TZ=UTC 0 7 * * *, zone: Asia/Tokyo, ref: main}`,
      ["4:15: it names a zone, and zone does as well: keep one of them"],
    ],
    [`${promote}\nclock: {cron: 99 7 * * *, ref: main}`, ["4:15: Invalid value for minute: 99"]],
    [`${promote}\nclock: {cron: 0 0 30 2 *, ref: main}`, ["4:15: it never comes"]],
    [
      `${promote}\nclock: {cron: '@every soon', ref: main}`,
      ["4:15: expected a duration such as 1h30m behind @every"],
    ],
    [
      `${promote}\nclock: {cron: '2026-01-01T00:00:00', ref: main}`,
      ["4:15: expected five fields, or such as @daily"],
    ],
    [`${promote}\npriority: 2000`, ["4:11: expected a whole number from -1000 to 1000"]],
    [`${promote}\nrerun: {teams: [a]}`, ["4:17: expected a team as org/team"]],
    [
      "review: {manifests: m}\ntriggers: {}",
      ["4:1: a push cannot start a job with review: a review is of a pull request: pullRequest starts it"],
    ],
    ["verify: {manifests: m, deep: true, sample: 2%}", ["3:36: deep and sample exclude each other"]],
    ["verify: {manifests: m, sample: two}", ["3:32: expected a part of all blobs, such as 2%"]],
    ["snapshot: {registry: https://gcr.io/a}", ['3:22: leave out "https://"']],
    [
      "snapshot: {registry: gcr.io/a, artifact: ../a.yaml}",
      ["3:42: expected the name of a file that ends with .yaml or .csv"],
    ],
    [
      `propose: {from: build, ${proposal}}`,
      ["3:17: after is missing: it names the build that made the images"],
    ],
    [
      `propose: {from: release, ${proposal}}`,
      [
        "3:17: triggers is missing: the tag that was pushed names the version (or after, a job that such a push starts)",
      ],
    ],
    [
      `triggers: {}\npropose: {from: tags, ${proposal}}`,
      ["4:17: expected build, release or tag (did you mean tag?)"],
    ],
    [
      `triggers: {}\npropose: {from: tag, profile: k8s, ${proposal}}`,
      ["4:22: a profile is that of a release"],
    ],
    [
      "triggers: {}\npropose: {from: tag, repo: git@example.com:a/b, manifests: m}",
      ["4:10: project or staging is missing"],
    ],
    [
      `triggers: {}\nclock: {every: 1h, ref: main}\npropose: {from: tag, ${proposal}}`,
      [
        "4:1: a clock cannot start a job with propose: a build that it comes after or the push of a tag names the images",
      ],
    ],
  ])("%j", (text, expected) => {
    expect(workOf(text)).toEqual(expected);
  });
});

describe("a secret in a job file", () => {
  const hint = "the server has credentials of its own for each job and destination; see serve.md";

  test.each<[string, string]>([
    ["env: {A: ghp_0123456789abcdefghij0123456789abcdef}", "a token of GitHub"],
    ["env: {A: glpat-0123456789abcdefghij}", "a token of GitLab"],
    ["env: {A: AKIAABCDEFGHIJKLMNOP}", "a key of AWS"],
    ["notify: {to: https://hooks.slack.com/services/T0/B0/x}", "the address of a webhook, which is a secret"],
    ["description: |\n  -----BEGIN RSA PRIVATE KEY-----", "a private key"],
    ["description: from https://me:pw@example.com/x", "a URL with a password"],
  ])("%j is refused, and not repeated", (text, what) => {
    const { jobs, diagnostics } = parseJobs(`${head}build: {dir: .}\n${text}\n`, "f.yaml");
    expect(jobs).toEqual([]);
    expect(diagnostics).toEqual([
      expect.objectContaining({
        code: "secret-in-file",
        severity: "error",
        message: `it looks like ${what}, and a job file is no place for a secret`,
        hint,
        job: "a",
      }),
    ]);
  });

  test("may be one by the name of its variable, which is a warning", () => {
    const { jobs, diagnostics } = parseJobs(
      `${head}build: {dir: .}\nenv: {NPM_TOKEN: abc, TOKENS: abc, API_KEY: ''}\n`,
      "f.yaml",
    );
    expect(jobs).toHaveLength(1);
    expect(diagnostics).toEqual([
      expect.objectContaining({
        code: "secret-in-file",
        severity: "warning",
        message: "by its name, NPM_TOKEN may be a secret, and a job file is no place for a secret",
        at: { line: 4, column: 18 },
      }),
    ]);
  });
});
