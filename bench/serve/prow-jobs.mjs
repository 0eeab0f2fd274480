// Prow's jobs for images, as many as are wanted, with the mix of fields that those of Kubernetes have:
//   node bench/serve/prow-jobs.mjs FOLDER [JOBS] [PROMOTIONS]
// writes them as Prow's files into FOLDER/prow, and as Waybill's, which become of them, into FOLDER/jobs. Of 234 jobs that push images, in
// 128 repositories, 202 are postsubmits, of which 184 name branches, 105 match version tags and 87 changed paths; 32 are periodics; 17 are
// in queues; 88 say who may run them again; 68 have addresses to alert, 25 a threshold. Numbers of others follow by proportion.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The expression for versions that 81 of them have, word for word. */
const versionTag =
  "^v(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$";

const all = 234;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Prow's files of so many jobs: those that push images, and those that promote them.
 * `urlOf` gives the address of a repository; that of GitHub when it is left out.
 */
export function prowJobs({ jobs = all, promotions = 0, seed = 1, urlOf } = {}) {
  const random = randomOf(seed);
  const part = (count) => Math.round((count * jobs) / all);
  const repositories = Array.from(
    { length: Math.max(1, part(128)) },
    (_, index) => `example/project-${index + 1}`,
  );
  /** So many of some jobs, chosen by chance. */
  const some = (from, count) => {
    const left = [...from];
    const chosen = new Set();
    while (chosen.size < count && left.length > 0)
      chosen.add(left.splice(Math.floor(random() * left.length), 1)[0]);
    return chosen;
  };
  const indices = Array.from({ length: jobs }, (_, index) => index);
  const periodics = some(indices, part(32));
  const postsubmits = indices.filter((index) => !periodics.has(index));
  const withPaths = some(postsubmits, part(87));
  // A tag has no changed paths, so those with paths never run for one.
  const withTags = some(
    postsubmits.filter((index) => !withPaths.has(index)),
    part(105),
  );
  const skipping = some(
    postsubmits.filter((index) => !withTags.has(index)),
    part(18),
  );
  const onRelease = some(postsubmits, part(44));
  const queued = some(indices, part(17));
  const limited = some(indices, part(18));
  const rerun = some(indices, part(88));
  const alerting = some(indices, part(68));
  const patient = some(alerting, part(25));
  const tabbed = some(indices, part(50));
  const described = some(indices, part(21));
  const passing = some(indices, part(208));
  const fromTop = some(indices, part(79));
  const withGit = some(indices, part(71));
  const large = some(indices, part(22));
  const cron = some(periodics, part(8));
  const used = indices.map((index) => repositories[index % repositories.length]);

  const jobOf = (index) => {
    const repository = used[index];
    const project = repository.split("/")[1];
    const dir = index < repositories.length ? "images/main" : `images/part-${index}`;
    const args = [
      `--project=k8s-staging-${project}`,
      `--scratch-bucket=gs://k8s-staging-${project}-gcb`,
      ...(passing.has(index) ? ["--env-passthrough=PULL_BASE_REF"] : []),
      ...(fromTop.has(index) ? ["--build-dir=."] : []),
      ...(withGit.has(index) ? ["--with-git-dir"] : []),
      ...(large.has(index) ? ["--machine-type=E2_HIGHCPU_32"] : []),
      dir,
    ];
    const branches = [
      index % 5 < 3 ? "^master$" : "^main$",
      ...(withTags.has(index) ? [versionTag] : []),
      ...(onRelease.has(index) ? ["^release-"] : []),
    ];
    const starts = periodics.has(index)
      ? {
          ...(cron.has(index)
            ? { cron: `${index % 60} ${index % 24} * * *` }
            : { interval: `${2 + (index % 5) * 2}h` }),
          extra_refs: [{ ...reference(repository), base_ref: "main" }],
        }
      : {
          ...(skipping.has(index) ? { skip_branches: ["^dependabot"] } : { branches }),
          ...(withPaths.has(index) ? { run_if_changed: `^${dir}/` } : {}),
          ...(urlOf === undefined ? {} : { clone_uri: urlOf(repository) }),
        };
    return {
      name: `${periodics.has(index) ? "ci" : "post"}-${project}-push-${index}`,
      cluster: "k8s-infra-prow-build-trusted",
      decorate: true,
      annotations: {
        "testgrid-dashboards": "sig-k8s-infra-gcb",
        ...(tabbed.has(index) ? { "testgrid-tab-name": `push-${index}` } : {}),
        ...(alerting.has(index) ? { "testgrid-alert-email": `${project}@example.com` } : {}),
        ...(patient.has(index) ? { "testgrid-num-failures-to-alert": "3" } : {}),
        ...(described.has(index) ? { description: `Pushes images of ${project}.` } : {}),
      },
      ...starts,
      ...(limited.has(index) ? { max_concurrency: 1 + (index % 2) } : {}),
      ...(queued.has(index) ? { job_queue_name: "image-pushing" } : {}),
      ...(rerun.has(index)
        ? { rerun_auth_config: { github_team_slugs: [{ org: "example", slug: `${project}-admins` }] } }
        : {}),
      spec: {
        serviceAccountName: "gcb-builder",
        containers: [
          {
            image: "gcr.io/k8s-staging-test-infra/image-builder:v20260704-7722336b68",
            command: ["/run.sh"],
            args,
          },
        ],
      },
    };
  };

  const reference = (repository) => {
    const [org, repo] = repository.split("/");
    return { org, repo, ...(urlOf === undefined ? {} : { clone_uri: urlOf(repository) }) };
  };

  const presubmits = {};
  const post = {};
  const clocked = [];
  const add = (list, repository, job) => {
    list[repository] ??= [];
    list[repository].push(job);
  };
  for (const index of indices) {
    if (periodics.has(index)) clocked.push(jobOf(index));
    else add(post, used[index], jobOf(index));
  }
  const promoting = Array.from(
    { length: Math.ceil(promotions / 3) },
    (_, index) => `example/manifests-${index + 1}`,
  );
  for (let index = 0; index < promotions; index += 1) {
    const repository = promoting[Math.floor(index / 3)];
    const { kind, job } = promotionOf(repository, ["presubmit", "postsubmit", "periodic"][index % 3], {
      urlOf,
      reference,
    });
    if (kind === "periodic") clocked.push(job);
    else add(kind === "presubmit" ? presubmits : post, repository, job);
  }
  return {
    repositories: [...repositories, ...promoting],
    files: [
      {
        file: "config.yaml",
        text: asText({ plank: { job_queue_capacities: { "image-pushing": 1, "image-promo": 1 } } }),
      },
      { file: "jobs.yaml", text: asText({ presubmits, postsubmits: post, periodics: clocked }) },
    ],
  };
}

/** A job as Kubernetes reviews, promotes or repairs with. */
function promotionOf(repository, kind, { urlOf, reference }) {
  const name = repository.split("/")[1];
  const paths = "registry.k8s.io/((images/.*/images\\.yaml)|(manifests/.*/promoter-manifest\\.yaml))";
  const writes = kind === "presubmit" ? [] : ["--confirm"];
  const job = {
    name: `${{ presubmit: "pull", postsubmit: "post", periodic: "ci" }[kind]}-${name}-image-promo`,
    decorate: true,
    ...(kind === "periodic"
      ? { cron: "0 7 * * *", extra_refs: [{ ...reference(repository), base_ref: "main" }] }
      : {
          branches: ["^main$"],
          run_if_changed: paths,
          ...(urlOf === undefined ? {} : { clone_uri: urlOf(repository) }),
        }),
    ...(kind === "presubmit" ? { max_concurrency: 10 } : { job_queue_name: "image-promo" }),
    ...(kind === "postsubmit" ? { max_concurrency: 1, decoration_config: { timeout: "4h" } } : {}),
    annotations: { "testgrid-dashboards": "sig-release", "testgrid-alert-email": "alerts@example.com" },
    spec: {
      containers: [
        {
          image: "registry.k8s.io/artifact-promoter/kpromo:v4.5.1-0",
          command: ["/kpromo"],
          args: ["cip", "--thin-manifest-dir=registry.k8s.io", "--use-prow-manifest-diff", ...writes],
        },
      ],
    },
  };
  return { kind, job };
}

// JSON is YAML, and says the same to whoever reads either.
const asText = (document) => `${JSON.stringify(document, null, 2)}\n`;

if (process.argv[1] === import.meta.filename) {
  const [folder, jobs = "234", promotions = "0"] = process.argv.slice(2);
  if (folder === undefined)
    throw new Error("name a folder: node bench/serve/prow-jobs.mjs FOLDER [JOBS] [PROMOTIONS]");
  const { importProwJobs, writeJobs } = await import("../../dist/internal.js");
  const made = prowJobs({ jobs: Number(jobs), promotions: Number(promotions) });
  await mkdir(join(folder, "prow"), { recursive: true });
  for (const { file, text } of made.files) await writeFile(join(folder, "prow", file), text);
  await mkdir(join(folder, "jobs"), { recursive: true });
  const imported = importProwJobs(made.files);
  const written = imported.jobs.map(({ job, file, line }) => ({ job, comment: `from ${file}:${line}` }));
  await writeJobs(join(folder, "jobs"), written);
  console.log(
    `${written.length} jobs of ${made.repositories.length} repositories, ${imported.notImported.length} not imported`,
  );
}
