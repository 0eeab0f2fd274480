import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import packageJson from "../../package.json" with { type: "json" };
import { printingExecutable } from "../../src/demo/executable.ts";
import { startDemoForge } from "../../src/demo/forge/forge.ts";
import { git, gitEnvironment } from "../../src/demo/forge/git.ts";
import { readManifests } from "../../src/manifest/index.ts";
import { settleOptions, startServer } from "../../src/serve/index.ts";
import { readSettings } from "../../src/settings/index.ts";
import { startRegistries } from "./registries.ts";

/** A server in the midst of its work for Kubernetes. */
export interface KubernetesWorld {
  readonly url: string;
  /** A link that lets one browser in, as somebody who may do all. */
  readonly wayIn: () => string;
  /** The id of a pull request that waits to be approved, and is held. */
  readonly review: string;
  /** Ids of runs that pictures are taken of. */
  readonly runs: Readonly<Record<"promotion" | "unread" | "build" | "failedBuild", string>>;
  /** Has it be at work: a promotion runs, others wait for it and for somebody. */
  beBusy(): Promise<void>;
  close(): Promise<void>;
}

const project = "k8s-staging-apisnoop";
const owner = "berno";

/**
 * Brings up a server that promotes the real tree of Kubernetes, and lets it work: what the tree asks for is there at all mirrors, but
 * for some tags that stand elsewhere; new images are built, proposed, approved and promoted to the mirrors for real.
 */
export async function startKubernetes(folder: string, tree: string): Promise<KubernetesWorld> {
  const closing: (() => Promise<unknown>)[] = [];
  const { manifests } = await readManifests(tree);
  const registries = await startRegistries(join(folder, "pushed"), manifests, standingElsewhere);
  closing.push(registries.close);
  const forge = await startDemoForge(join(folder, "forge"));
  closing.push(forge.close);
  const [robot, developer, approver] = ["k8s-infra-ci-robot", "hh", owner].map(forge.addPerson);
  if (robot === undefined || developer === undefined || approver === undefined) throw new TypeError("nobody");
  await forge.create("cncf/apisnoop", snoopFiles());
  const images = await forge.create("kubernetes/k8s.io", await treeFiles(tree));
  images.required = ["pull-k8sio-cip"];
  await mkdir(join(folder, "jobs"));
  await writeFile(join(folder, "jobs", "k8s-infra.yaml"), jobFile(forge.url));
  const secrets = { webhook: randomBytes(20).toString("hex"), login: forge.login.clientSecret };
  for (const [name, secret] of Object.entries(secrets)) {
    await writeFile(join(folder, name), secret, { mode: 0o600 });
  }
  const settings = join(folder, "waybill.yaml");
  await writeFile(settings, settingsFile(forge, registries.hosts));
  const { PATH = "" } = process.env;
  const said: string[] = [];
  const server = await startServer(
    await settleOptions({
      version: packageJson.version,
      settings: await readSettings(settings),
      environment: {
        ...{ PATH, HOME: folder, WAYBILL_FORGE_TOKEN: robot.token, TMPDIR: process.env.TMPDIR },
        ...{ HTTP_PROXY: registries.proxy, NO_PROXY: "127.0.0.1" },
      },
      ...{ grace: 5_000, usualData: join(folder, "data") },
      log: (level, message, fields) => void said.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    }),
  );
  closing.push(server.stop);
  const { url } = server;
  forge.hook(`${url}/webhooks/forge`, secrets.webhook);
  forge.login.allow(`${url}/auth/forge/callback`);
  const token = (await readFile(join(folder, "data", "admin-token"), "utf8")).trim();

  const ask = async <Answer>(path: string, method = "GET", body?: object): Promise<Answer> => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Answer;
  };
  const until = async <Found>(
    what: string,
    look: () => Promise<Found | undefined> | Found | undefined,
  ): Promise<Found> => {
    for (let waited = 0; waited < 900_000; waited += 250) {
      const found = await look();
      if (found !== undefined) return found;
      await sleep(250);
    }
    throw new Error(`${what} has not come to be:\n${said.slice(-50).join("\n")}`);
  };
  interface Run {
    readonly id: string;
    readonly state: string;
    readonly result?: string;
  }
  const runsOf = async (job: string) =>
    (await ask<{ readonly items: readonly Run[] }>(`/runs?job=${job}`)).items;
  /** The newest run of a job, once there are so many and it has ended. */
  const ended = (job: string, count: number): Promise<Run> =>
    until(`${count} runs of ${job}`, async () => {
      const runs = await runsOf(job);
      return runs.length >= count && runs.every(({ state }) => state === "ended") ? runs[0] : undefined;
    });
  const run = async (job: string, body: object = {}): Promise<Run> => {
    const { id } = await ask<{ readonly id: string }>(`/jobs/${job}/runs`, "POST", body);
    return until(`the end of ${job}`, async () => {
      const found = await ask<Run>(`/runs/${id}`);
      return found.state === "ended" ? found : undefined;
    });
  };

  await until("all repositories to be seen", async () => {
    const { items } = await ask<{ readonly items: readonly { readonly lookedAt?: string }[] }>("/remotes");
    return items.filter(({ lookedAt }) => lookedAt !== undefined).length >= 3 ? true : undefined;
  });
  const checkout = join(folder, "apisnoop");
  const environment = gitEnvironment(folder, developer.name);
  await git(["clone", "--quiet", `${forge.url}/cncf/apisnoop.git`, checkout], environment);
  const pushUrl = `${forge.url.replace("http://", `http://${developer.name}:${developer.token}@`)}/cncf/apisnoop.git`;
  const tag = async (name: string): Promise<void> => {
    await git(["-C", checkout, "tag", name], environment);
    await git(["-C", checkout, "push", "--quiet", pushUrl, name], environment);
  };

  // A promotion of the whole tree: all is there but what stands elsewhere, and a host that does not let anybody in.
  const [host = ""] = registries.hosts.filter((name) => name.startsWith("europe-west10"));
  registries.fail(host, 403);
  const unread = await run("ci-k8sio-cip", { ref: "main" });
  registries.fail(host, undefined);
  const failedBuild = await run("apisnoop-push-auditlogger-images", { ref: "main" });
  await tag("v20240606-1.2.0");
  const build = await ended("apisnoop-push-snoopdb-images", 1);
  await ended("propose-apisnoop", 1);
  await ended("pull-k8sio-cip", 1);
  const [proposal] = images.proposals;
  if (proposal === undefined) throw new Error("there is no pull request");
  forge.say(images, proposal, approver, "/approve\n/hold cancel");
  await until("the merge", () => (proposal.state === "merged" ? true : undefined));
  const promotion = await ended("post-k8sio-image-promo", 1);
  await tag("v20240606-1.3.0");
  await ended("propose-apisnoop", 2);
  await ended("pull-k8sio-cip", 3);
  const { items: reviews } = await ask<{ readonly items: readonly { readonly id: string }[] }>("/reviews");
  return {
    url,
    wayIn: () => `${forge.url}${forge.admit(approver, `${url}/auth/forge?return=%2F`)}`,
    review: reviews[0]?.id ?? "",
    runs: { promotion: promotion.id, unread: unread.id, build: build.id, failedBuild: failedBuild.id },
    async beBusy() {
      const { id } = await ask<{ readonly id: string }>("/jobs/ci-k8sio-cip/runs", "POST", { ref: "main" });
      for (const job of ["post-k8sio-image-promo", "release-image-promo"]) {
        await ask(`/jobs/${job}/runs`, "POST", { ref: "main" });
      }
      await until("a promotion that runs", async () =>
        (await ask<Run>(`/runs/${id}`)).state === "running" ? true : undefined,
      );
    },
    async close() {
      for (const close of closing.reverse()) await close();
    },
  };
}

/** Of a few repositories, the last tag has moved in production: nobody should ever do that, and somebody does. */
function standingElsewhere(repository: string, tags: ReadonlyMap<string, string>) {
  if (!/^(?:us-east5|europe-west9)-docker\.pkg\.dev\/.*\/(?:bom|kops|etcdadm)\//.test(repository))
    return undefined;
  const [last] = [...tags.keys()].slice(-1);
  return last === undefined ? undefined : new Map([[last, `sha256:${"0badc0de".repeat(8)}`]]);
}

async function treeFiles(tree: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [kind, name] of [
    ["manifests", "promoter-manifest.yaml"],
    ["images", "images.yaml"],
  ] as const) {
    for (const entry of await readdir(join(tree, kind), { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = `${kind}/${entry.name}/${name}`;
      files.set(`registry.k8s.io/${path}`, await readFile(join(tree, path), "utf8"));
    }
  }
  files.set(`registry.k8s.io/images/${project}/OWNERS`, `approvers:\n- ${owner}\n`);
  return files;
}

function snoopFiles(): ReadonlyMap<string, string | Buffer> {
  const platforms = ["amd64", "arm64"] as const;
  const dockerfile = (name: string) =>
    `FROM scratch\nARG TARGETARCH\nARG VERSION\nLABEL org.opencontainers.image.version=$VERSION\nCOPY ${name}-$TARGETARCH /${name}\nUSER 65532\nENTRYPOINT ["/${name}"]\n`;
  const build = (name: string) =>
    [
      "steps:",
      "- name: gcr.io/cloud-builders/docker",
      `  args: [buildx, build, --platform, "linux/amd64,linux/arm64", --build-arg, VERSION=$TAG_NAME, -t, "gcr.io/$PROJECT_ID/${name}:$TAG_NAME", ./${name}]`,
      `images: ["gcr.io/$PROJECT_ID/${name}:$TAG_NAME"]`,
      "substitutions: { TAG_NAME: latest }",
      "",
    ].join("\n");
  return new Map<string, string | Buffer>([
    ["apps/snoopdb/cloudbuild.yaml", build("snoopdb").replace("substitutions: { TAG_NAME: latest }\n", "")],
    ["apps/snoopdb/snoopdb/Dockerfile", dockerfile("snoopdb")],
    ...platforms.map((platform): [string, Buffer] => [
      `apps/snoopdb/snoopdb/snoopdb-${platform}`,
      printingExecutable(platform, `snoopdb on linux/${platform}\n`),
    ]),
    [
      "apps/auditlogger/cloudbuild.yaml",
      build("auditlogger")
        .replaceAll("$TAG_NAME", "latest")
        .replace("substitutions: { TAG_NAME: latest }\n", ""),
    ],
    ["apps/auditlogger/auditlogger/Dockerfile", "FROM scratch\nCOPY package.json /\nRUN npm ci --omit=dev\n"],
    ["apps/auditlogger/auditlogger/package.json", "{}\n"],
  ]);
}

function settingsFile(
  forge: { readonly host: string; readonly url: string },
  hosts: readonly string[],
): string {
  return `forges:
  "${forge.host}": { kind: gitea }
hosts:
${hosts.map((host) => `  ${host}: { http: true }`).join("\n")}
serve:
  listen: 127.0.0.1:0
  data: data
  jobs: jobs
  webhooks: { forge: [{ file: webhook }] }
  access:
    login: { forge: { kind: openid, issuer: "${forge.url}", clientId: waybill, clientSecretFile: login } }
    roles:
      reader: { everyone: true }
      admin: { users: [${owner}] }
`;
}

function jobFile(forge: string): string {
  const k8sio = `${forge}/kubernetes/k8s.io.git`;
  const snoop = `${forge}/cncf/apisnoop.git`;
  const build = (app: string, more: string) => `
- name: apisnoop-push-${app}-images
  repo: ${snoop}
  ref: main
  triggers: { branch: ${more} }
  build: { dir: apps/${app}, engine: scratch, project: ${project}, pushTo: gcr.io/${project} }`;
  return `jobs:${build("snoopdb", "^v")}${build("auditlogger", "^auditlogger-")}
- name: propose-apisnoop
  repo: ${snoop}
  after: [apisnoop-push-snoopdb-images]
  propose: { from: build, repo: '${forge}/kubernetes/k8s.io', manifests: registry.k8s.io, staging: gcr.io/${project}, project: ${project} }
- name: pull-k8sio-cip
  repo: ${k8sio}
  pullRequest: {}
  review: { manifests: registry.k8s.io, requireApproval: true }
- name: post-k8sio-image-promo
  repo: ${k8sio}
  triggers: { branch: ^main$ }
  promote: { manifests: registry.k8s.io }
  mutex: production
- name: release-image-promo
  repo: ${k8sio}
  ref: main
  promote: { manifests: registry.k8s.io }
  hold: the official release begins
  mutex: production
- name: ci-k8sio-cip
  repo: ${k8sio}
  clock: { cron: "0 3 * * *", ref: main }
  promote: { manifests: registry.k8s.io, dryRun: true }
  mutex: production
`;
}
