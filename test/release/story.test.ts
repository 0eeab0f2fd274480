import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type Captured, runWith } from "../cli/captured.ts";
import { outputOf } from "../support/child.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const upstream = "kubernetes/k8s.io";
const names = ["kube-apiserver", "kube-proxy"];
const regions = ["us", "eu", "asia"];
const cut = ["v1.19.0", "v1.19.1-rc.0"];
const images = "registry.k8s.io/images/k8s-staging-kubernetes/images.yaml";

/** The process as release managers live it, on each forge: from a version that is cut to production that has it. */
describe.each(["github", "gitlab", "gitea"] as const)("a release on %s", (kind) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let staging: DockerRegistry;
  let production: DockerRegistry;
  let forge: ForgeServer;
  let env: Record<string, string>;
  let checkout: TestRepository;

  beforeAll(async () => {
    folder = await temporaryFolder("story");
    [staging, production, forge] = await Promise.all([
      startDockerRegistry(),
      startDockerRegistry(),
      startForgeServer({ kind }),
    ]);
    const token = forge.addUser("robot");
    forge.addUser("cecile");
    forge.addUser("mallory");
    await forge.createRepository(upstream, {
      "registry.k8s.io/images/k8s-staging-kubernetes/images.yaml":
        "# Images of Kubernetes.\n- name: kube-apiserver\n  dmap: {}\n",
      "registry.k8s.io/images/k8s-staging-kubernetes/OWNERS": "approvers:\n- cecile\n",
      "registry.k8s.io/manifests/k8s-staging-kubernetes/promoter-manifest.yaml": [
        "registries:",
        `- name: ${staging.host}/k8s-staging-kubernetes`,
        "  src: true",
        ...regions.map((region) => `- name: ${production.host}/${region}`),
        "",
      ].join("\n"),
    });
    for (const name of ["robot", "cecile"]) forge.addWriter(upstream, name);
    // Elsewhere a draft is not merged; on GitHub, the branch has to require the status.
    if (kind === "github") forge.protect(upstream, { requiredStatuses: ["waybill-hold"] });
    await forge.fork(upstream, "robot");
    const registries = registriesWith();
    for (const name of names) {
      for (const tag of [...cut, "v1.18.9"]) {
        const repository = registries.repository(
          parseRepository(`${staging.host}/k8s-staging-kubernetes/${name}`),
        );
        await pushImage(await buildImage(name, tag), repository, [parseTag(tag)]);
      }
    }
    await registries.close();
    env = { ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: "/dev/null", WAYBILL_FORGE_TOKEN: token };
    await repositoryAt(folder.path).git("clone", "--quiet", `${forge.url}/${upstream}.git`, "checkout");
    checkout = repositoryAt(join(folder.path, "checkout"));
  });

  afterAll(async () => {
    await Promise.all([staging.stop(), production.stop(), forge.close()]);
    await folder.remove();
  });

  const waybill = (...words: string[]): Promise<Captured> => runWith(env, ...words);
  const propose = (...words: string[]): Promise<Captured> =>
    waybill(
      "pr",
      `${forge.url}/${upstream}`,
      ...["--forge", kind, "--manifests", "registry.k8s.io", "--fork", "robot/k8s.io"],
      ...["--staging-repo", `${staging.host}/k8s-staging-kubernetes`, "--project", "kubernetes"],
      ...["--release", "v1.19.0", "--profile", "kubernetes-2021"],
      ...["--link", "Mock build=https://ci.example.com/mock", "--reviewer", "cecile"],
      ...words,
    );
  const request = () => {
    const [first] = forge.pullRequests(upstream);
    if (first === undefined) throw new Error("there is no pull request");
    return first;
  };
  const address = (): string => {
    const below = { github: "pull", gitlab: "-/merge_requests", gitea: "pulls" }[kind];
    return `${forge.url}/${upstream}/${below}/${request().number}`;
  };
  /** Checks out what is proposed, and reviews it under its pull request. */
  const review = async (...words: string[]): Promise<Captured> => {
    const { branch } = request().head;
    await checkout.git("fetch", "--quiet", `${forge.url}/robot/k8s.io.git`, branch);
    const head = await checkout.git("rev-parse", "FETCH_HEAD");
    await checkout.git("fetch", "--quiet", "origin", "main");
    const options = ["--base", "origin/main...", "--head", head, "--post", address(), "--forge", kind];
    return waybill("review", join(checkout.path, "registry.k8s.io"), ...options, ...words);
  };

  testWith("docker-registry", "skopeo", "git")(
    "goes from the cut to production, held, reviewed, let go, merged and waited for",
    async () => {
      const looked = await propose("--dry-run");
      expect(looked).toMatchObject({ status: 0, stdout: expect.stringContaining("+- name: kube-proxy") });
      expect(looked.stdout).toContain(`--- a/${images}\n+++ b/${images}\n`);
      expect(forge.pullRequests(upstream)).toHaveLength(0);

      const proposed = await propose();
      expect(proposed.stderr).toContain("v1.19.1-rc.0: ");
      expect(request().reviewers.map(({ name }) => name)).toEqual(["cecile"]);
      expect(proposed).toMatchObject({ status: 0, stdout: expect.stringMatching(/^opened: http/) });
      const text = await readFileAt(request().head.branch);
      for (const tag of cut) expect(text.match(new RegExp(`"${tag}"`, "g"))).toHaveLength(names.length);
      expect(text).not.toContain("v1.18.9");
      expect(text).toMatch(/^# Images of Kubernetes\./);
      expect(request().title).toContain("releng: Image promotion for kubernetes v1.19.0 / v1.19.1-rc.0");
      expect(request().body).toContain("[Mock build](<https://ci.example.com/mock>)");
      await expect(forge.merge(upstream, request().number)).rejects.toThrow();

      const pushed = await forge.branch("robot/k8s.io", request().head.branch);
      expect(await propose()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^unchanged: http/) });
      expect(await forge.branch("robot/k8s.io", request().head.branch)).toBe(pushed);
      expect(forge.pullRequests(upstream)).toHaveLength(1);

      expect(await review("--require-approval")).toMatchObject({ status: 2 });
      await forge.approve(upstream, request().number, "mallory");
      expect(await review("--require-approval")).toMatchObject({ status: 2 });
      await forge.approve(upstream, request().number, "cecile");
      const approved = await review("--require-approval");
      expect(approved.stderr).toContain("said under");
      expect(approved.status).toBe(0);

      await expect(forge.merge(upstream, request().number)).rejects.toThrow();
      forge.comment(upstream, request().number, "cecile", "All is well.\n\n/hold cancel");
      expect(await waybill("hold", "--comments", address(), "--forge", kind)).toMatchObject({
        status: 0,
        stdout: expect.stringContaining("not held, as cecile said"),
      });
      const merged = await forge.merge(upstream, request().number);

      await checkout.git("pull", "--quiet", "origin", "main");
      const tree = join(checkout.path, "registry.k8s.io");
      const waiting = waybill("wait", tree, "--commit", merged, "--timeout", "60s", "--interval", "1s");
      const promoted = await waybill("promote", tree, "--confirm", "--changed");
      expect(promoted).toMatchObject({ status: 0, stdout: expect.stringContaining("12 done") });
      expect(await waiting).toMatchObject({ status: 0 });

      for (const region of regions) {
        for (const name of names) {
          for (const tag of cut) {
            const reference = `docker://${production.host}/${region}/${name}:${tag}`;
            const raw = await outputOf("skopeo", ["inspect", "--raw", "--tls-verify=false", reference], {
              PATH: process.env.PATH ?? "",
              HOME: folder.path,
            });
            const digest = `sha256:${createHash("sha256").update(raw).digest("hex")}`;
            expect(text).toContain(`"${digest}": ["${tag}"]`);
          }
        }
      }
      expect(await propose()).toMatchObject({ status: 0, stdout: expect.stringContaining("nothing to do") });
      expect(forge.sawForeignToken()).toBe(false);
    },
    120_000,
  );

  const readFileAt = async (branch: string): Promise<string> => {
    await checkout.git("fetch", "--quiet", `${forge.url}/robot/k8s.io.git`, branch);
    return checkout.git("show", `FETCH_HEAD:${images}`);
  };
});
