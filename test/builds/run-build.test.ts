import { readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { processMark } from "../../src/disk/index.ts";
import type { RepositoryName } from "../../src/oci/index.ts";
import { mediaTypes } from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";
import { gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { registriesWith } from "../support/world.ts";
import { type BuildWorld, openBuildWorld } from "./build-world.ts";

const withBuildah = testWith("buildah");
let world: BuildWorld;
beforeAll(async () => {
  world = await openBuildWorld();
});
afterAll(() => world?.close());

const dockerfile = "FROM scratch\nARG IMAGE_ARG\nENV IMAGE=$IMAGE_ARG\nCOPY hello /\n";
const native = `steps:
- name: gcr.io/cloud-builders/docker
  args: [build, -t, 'gcr.io/$PROJECT_ID/hello:$_GIT_TAG', --build-arg, 'IMAGE_ARG=$_GIT_TAG', ./context]
images: ['gcr.io/$PROJECT_ID/hello:$_GIT_TAG']
`;

async function leftovers(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith(`waybill-build-${processMark()}`));
}

/** A checkout with one native step. */
function commitNative(): Promise<string> {
  return world.commit({
    "cloudbuild.yaml": native,
    "context/Dockerfile": dockerfile,
    "context/hello": "hello\n",
  });
}

/** A build file with steps in the world's image. */
function steps(...bodies: readonly string[]): string {
  return `options: {substitutionOption: ALLOW_LOOSE}\nsteps:\n${bodies.map((body) => `- name: ${world.stepImage}\n  ${body.replaceAll("\n", "\n  ")}\n`).join("")}`;
}

describe("a build by Buildah", () => {
  withBuildah("builds what docker would, without a container, and pushes it", async () => {
    await commitNative();
    const { result, log } = await world.build({ pushTo: `${world.registry}/staging` });
    expect(result.outcomes).toMatchObject([{ name: "build", status: "success" }]);
    expect(result.plan.builds[0]?.actions).toMatchObject([{ kind: "native", action: { kind: "build" } }]);
    const [image] = result.images;
    expect(image).toMatchObject({
      name: "gcr.io/k8s-staging-demo/hello",
      repository: `${world.registry}/staging/hello`,
      tags: [result.plan.tag],
      seenBy: ["waybill"],
      provenance: expect.stringMatching(/^sha256:/),
    });
    expect(await world.digestOf(`${world.registry}/staging/hello:${result.plan.tag}`)).toBe(image?.digest);
    expect(log).toContain("Step #0: STEP 1/4: FROM scratch\n");
    expect(await leftovers()).toEqual([]);
    const record = JSON.parse(await readFile(join(result.run.folder, "finished.json"), "utf8"));
    expect(record).toMatchObject({ passed: true, result: "SUCCESS", revision: result.plan.source.commit });
  });

  withBuildah("has no logins where the folder that DOCKER_CONFIG names has none", async () => {
    await world.commit({
      "cloudbuild.yaml": `${native.replace("steps:", steps("args: [ls, /workspace/context]").trim())}`,
      "context/Dockerfile": dockerfile,
      "context/hello": "hello\n",
    });
    const environment = { ...gitEnvironment, DOCKER_CONFIG: join(world.folder, "no-logins") };
    const { result } = await world.build({ environment, pushTo: `${world.registry}/no-logins` });
    expect(result.outcomes).toMatchObject([{ status: "success" }]);
    expect(result.images).toHaveLength(1);
  });

  withBuildah("pushes to the embedded registry where nothing else is said, which sees it", async () => {
    await commitNative();
    const { result } = await world.build();
    expect(result.images).toMatchObject([
      {
        name: "gcr.io/k8s-staging-demo/hello",
        repository: expect.stringMatching(/^127\.0\.0\.1:\d+\/k8s-staging-demo\/hello$/),
        seenBy: expect.arrayContaining(["waybill", "registry"]),
      },
    ]);
  });

  withBuildah("keeps what only Docker's config has a word for", async () => {
    await world.commit({
      "context/Dockerfile": `${dockerfile}SHELL ["/hello", "-c"]\nHEALTHCHECK CMD ["/hello"]\nONBUILD RUN hello\n`,
    });
    const { result } = await world.build({ pushTo: `${world.registry}/docker` });
    expect(result.images).toMatchObject([{ mediaType: mediaTypes.dockerManifest }]);
    expect(await world.configOf(`${world.registry}/docker/hello:${result.plan.tag}`)).toMatchObject({
      config: {
        Env: expect.arrayContaining([`IMAGE=${result.plan.tag}`]),
        Healthcheck: { Test: ["CMD", "/hello"] },
        Shell: ["/hello", "-c"],
        OnBuild: ["RUN hello"],
      },
    });
    await world.commit({ "context/Dockerfile": dockerfile });
  });

  withBuildah("makes an index of several platforms", async () => {
    await commitNative();
    const { result } = await world.build({
      pushTo: `${world.registry}/multi`,
      platforms: ["linux/amd64", "linux/arm64"],
    });
    expect(result.outcomes[0]?.status).toBe("success");
    expect(result.images).toMatchObject([{ mediaType: "application/vnd.oci.image.index.v1+json" }]);
  });

  withBuildah("runs steps in containers, in one workspace, with what Cloud Build gives them", async () => {
    await world.commit({
      "cloudbuild.yaml": steps(
        "args: [-c, 'echo from $_GIT_TAG > made; echo \"$$GREETING in $$PWD, home $$HOME\"']\nentrypoint: sh\nenv: [GREETING=hello]\ndir: sub",
        "script: |\n  cat sub/made\n  ls /workspace\nid: second",
        "args: [cat, /workspace/sub/made, /builder/home/x]\nwaitFor: [second]\nallowFailure: true",
      ),
      "sub/.keep": "",
    });
    const { result, log } = await world.build();
    expect(result.outcomes[0]?.steps.map(({ status }) => status)).toEqual([
      "success",
      "success",
      "allowed-failure",
    ]);
    expect(log).toContain("Step #0: hello in /workspace/sub, home /builder/home\n");
    expect(log).toContain(`Step #1 - "second": from ${result.plan.tag}\n`);
    expect(log).toContain("cloudbuild.yaml\n");
    expect(log).not.toMatch(/Step #1 - "second": \.git$/m);
    expect(result.outcomes[0]?.steps[0]?.image?.digest).toMatch(/^sha256:/);
    expect(await world.repository.git("status", "--porcelain")).toBe("");
  });

  withBuildah("runs a step in an image that is pinned by a digest beside its tag", async () => {
    const digest = await world.digestOf(world.stepImage);
    await world.commit({
      "cloudbuild.yaml": `steps: [{name: '${world.stepImage}@${digest}', args: [ls]}]\noptions: {substitutionOption: ALLOW_LOOSE}\n`,
    });
    const { result } = await world.build();
    expect(result.outcomes).toMatchObject([{ status: "success", steps: [{ image: { digest } }] }]);
  });

  withBuildah("runs a step in an image that an earlier step built", async () => {
    await world.commit({
      "cloudbuild.yaml": `options: {substitutionOption: ALLOW_LOOSE}
steps:
- name: gcr.io/cloud-builders/docker
  args: [build, -t, my-builder, .]
- name: my-builder
  args: [sh, -c, 'echo built by the one before']
`,
      Dockerfile: `FROM ${world.stepImage}\nENV A=b\n`,
    });
    const { result, log } = await world.build();
    expect(log).toContain("Step #1: built by the one before\n");
    expect(result.outcomes[0]?.status).toBe("success");
  });

  withBuildah("moves no tag once it is cancelled, though blobs were under way", async () => {
    await commitNative();
    const registries = registriesWith();
    const controller = new AbortController();
    const open = (name: RepositoryName): Repository => {
      const repository = registries.repository(name);
      const push: Repository["push"] = (...blob) => {
        controller.abort();
        return repository.push(...blob);
      };
      return new Proxy(repository, {
        get: (target, key) => {
          const member: unknown = key === "push" ? push : Reflect.get(target, key);
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
    };
    const { result } = await world.build(
      { pushTo: `${world.registry}/cancelled` },
      { open, signal: controller.signal },
    );
    await registries.close();
    expect(result.outcomes[0]?.status).toBe("cancelled");
    expect(result.images).toEqual([]);
    expect(await world.digestOf(`${world.registry}/cancelled/hello:${result.plan.tag}`)).toBeUndefined();
  });

  withBuildah("fails with the step, says which, and pushes nothing", async () => {
    await world.commit({
      "cloudbuild.yaml": `${steps("args: [sh, -c, 'echo so sorry >&2; exit 7']")}images: ['gcr.io/$PROJECT_ID/never:1']\n`,
    });
    const { result, log } = await world.build({ pushTo: `${world.registry}/failed` });
    expect(result.outcomes).toMatchObject([
      {
        status: "failure",
        steps: [{ status: "failure", exitCode: 7 }],
        failure: { message: expect.stringContaining("failed: it exited with 7") },
      },
    ]);
    expect(log).toContain("Step #0: so sorry\n");
    expect(result.images).toEqual([]);
    expect(await leftovers()).toEqual([]);
    const record = JSON.parse(await readFile(join(result.run.folder, "finished.json"), "utf8"));
    expect(record).toMatchObject({ passed: false, result: "FAILURE" });
  });

  withBuildah("builds all variants, each in a place of its own, and lets none stop another", async () => {
    await world.commit({
      "variants.yaml": "variants:\n  good: {KIND: good}\n  bad: {KIND: bad}\n  other: {KIND: other}\n",
      "cloudbuild.yaml": `${steps(
        'args: [sh, -c, "echo $_KIND > kind; sleep 0.2; cat kind; [ $_KIND != bad ]"]',
      ).replace(
        "steps:",
        "steps:\n- name: gcr.io/cloud-builders/docker\n  args: [build, -t, 'gcr.io/$PROJECT_ID/hello:$_KIND', --build-arg, 'IMAGE_ARG=$_KIND', ./context]\n- name: gcr.io/cloud-builders/docker\n  args: [tag, 'gcr.io/$PROJECT_ID/hello:$_KIND', 'gcr.io/$PROJECT_ID/hello:latest']",
      )}images: ['gcr.io/$PROJECT_ID/hello:$_KIND', 'gcr.io/$PROJECT_ID/hello:latest']\n`,
      "context/Dockerfile": dockerfile,
      "context/hello": "hello\n",
    });
    const { result, log } = await world.build({ pushTo: `${world.registry}/variants` });
    expect(result.outcomes.map(({ name, status }) => [name, status])).toEqual([
      ["good", "success"],
      ["bad", "failure"],
      ["other", "success"],
    ]);
    expect(log).toContain("[good] Step #2: good\n");
    expect(log).toContain("[other] Step #2: other\n");
    expect(log).toContain(
      "warning: the variants good, bad, other all push gcr.io/k8s-staging-demo/hello:latest: whichever is pushed last",
    );
    const tagsOf = (name: string) => result.images.find(({ build }) => build === name)?.tags ?? [];
    expect(result.images).toHaveLength(2);
    expect([...tagsOf("good"), ...tagsOf("other")].sort()).toEqual(["good", "latest", "other"]);
    // Of the tag that both push, the record says where it stands.
    const holder = result.images.find(({ tags }) => tags.includes("latest"));
    expect(await world.digestOf(`${world.registry}/variants/hello:latest`)).toBe(holder?.digest);
    await world.repository.git("rm", "--quiet", "variants.yaml");
  });

  withBuildah("hears all that a step says, whether its image has a shell or not", async () => {
    await world.commit({
      "cloudbuild.yaml": `options: {substitutionOption: ALLOW_LOOSE}
steps:
- name: gcr.io/cloud-builders/docker
  args: [build, -t, no-shell, -f, NoShell, .]
- name: no-shell
  entrypoint: cat
  args: [/etc/passwd]
- name: ${world.stepImage}
  args: [sh, -c, 'i=0; while [ $$i -lt 1000 ]; do echo line $$i; i=$$((i+1)); done; echo last >&2']
`,
      NoShell: `FROM ${world.stepImage}\nRUN ["/bin/rm", "/bin/sh"]\n`,
    });
    const { result, log } = await world.build();
    expect(result.outcomes).toMatchObject([{ status: "success" }]);
    expect(log).toContain("Step #1: root:x:0:0:root:/:/bin/sh\n");
    const lines = Array.from({ length: 1000 }, (_, index) => `Step #2: line ${index}\n`).join("");
    expect(log).toContain(`${lines}Step #2: last\n`);
  });

  withBuildah("gives secrets to the steps that ask for them, and shows them to nobody", async () => {
    const secret = "p4ss'w0rd with $signs";
    await world.commit({
      "cloudbuild.yaml": `availableSecrets:
  secretManager: [{versionName: projects/p/secrets/s/versions/1, env: TOKEN}]
${steps(
  `entrypoint: sh\nargs: [-c, 'echo "the secret is $$TOKEN";']\nsecretEnv: [TOKEN]`,
  "args: [sh, -c, 'echo \"nothing: $$TOKEN.\"']\nenv: ['COPY=$_COPY']",
)}`,
    });
    const { result, log } = await world.build(
      { pushTo: `${world.registry}/secret`, substitutions: { _COPY: secret } },
      { secrets: ["TOKEN=env:MY_TOKEN"], environment: { MY_TOKEN: secret } },
    );
    expect(log).toContain("Step #0: the secret is ***\n");
    expect(log).toContain("Step #1: nothing: .\n");
    expect(result.outcomes[0]?.status).toBe("success");
    for (const file of [
      "build-log.txt",
      "artifacts/plan.json",
      "artifacts/build.json",
      "artifacts/images.json",
    ]) {
      expect(await readFile(join(result.run.folder, file), "utf8")).not.toContain(secret);
    }
    await expect(world.build()).rejects.toMatchObject({
      code: "secret-missing",
      hint: expect.stringContaining("--secret"),
    });
  });

  withBuildah(
    "shows steps nothing of what Waybill itself is known by in clouds, at forges and to registries",
    async () => {
      const secret = "hunter2-of-this-process";
      const file = join(world.folder, "cloud-token");
      await writeFile(file, secret);
      const mine = [
        ...[
          "AWS_ACCESS_KEY_ID",
          "AWS_SECRET_ACCESS_KEY",
          "AWS_SESSION_TOKEN",
          "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        ],
        ...[
          "GOOGLE_OAUTH_ACCESS_TOKEN",
          "CLOUDSDK_AUTH_ACCESS_TOKEN",
          "AZURE_CLIENT_SECRET",
          "IDENTITY_HEADER",
        ],
        ...[
          "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
          "GITHUB_TOKEN",
          "GITLAB_TOKEN",
          "CI_JOB_TOKEN",
          "WAYBILL_FORGE_TOKEN",
        ],
        ...[
          "VAULT_TOKEN",
          "BAO_TOKEN",
          "DOCKER_AUTH_CONFIG",
          "WAYBILL_TOKEN",
          "WAYBILL_DATABASE",
          "GCE_METADATA_HOST",
        ],
      ];
      const files = [
        "GOOGLE_APPLICATION_CREDENTIALS",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AZURE_FEDERATED_TOKEN_FILE",
      ];
      await world.commit({
        "cloudbuild.yaml": steps(
          "entrypoint: sh\nargs: [-c, 'set; for f in $$(set | sed -n s/^.*_FILE=//p); do cat $$f; done; echo end']",
          `entrypoint: sh\nargs: [-c, 'cat ${file} || echo there is no such file']`,
        ),
      });
      const environment = {
        ...gitEnvironment,
        ...Object.fromEntries(mine.map((name) => [name, secret])),
        ...Object.fromEntries(files.map((name) => [name, file])),
      };
      const { log } = await world.build({}, { environment });
      expect(log).toContain("Step #0: end\n");
      expect(log).toContain("there is no such file");
      expect(log).not.toContain(secret);
      for (const name of [...mine, ...files]) expect(log).not.toContain(`${name}=`);
    },
  );

  withBuildah("reads no secret that a build file names, where nobody is to read them", async () => {
    await world.commit({
      "cloudbuild.yaml": `availableSecrets:
  secretManager: [{versionName: projects/prod/secrets/push-password/versions/1, env: TOKEN}]
${steps("entrypoint: sh\nargs: [-c, 'echo $$TOKEN']\nsecretEnv: [TOKEN]")}`,
    });
    const environment = { ...gitEnvironment, GOOGLE_OAUTH_ACCESS_TOKEN: "ya29.of-this-process" };
    const asked: unknown[] = [];
    const network = { environment, trace: (request: unknown) => void asked.push(request) };
    await expect(world.build({}, { environment, network, secretTokens: undefined })).rejects.toMatchObject({
      code: "secret-missing",
    });
    expect(asked).toEqual([]);
  });

  withBuildah("pushes nothing of a source that was changed after it had its name", async () => {
    await commitNative();
    const { result } = await world.build({ pushTo: `${world.registry}/changed` }, {}, () =>
      writeFile(join(world.repository.path, "context/hello"), "somebody else's\n"),
    );
    expect(result.outcomes[0]).toMatchObject({ status: "failure", failure: { code: "source-changed" } });
    expect(result.images).toEqual([]);
    await world.repository.git("checkout", "--", ".");
  });
});
