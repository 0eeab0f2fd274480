import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { type Review, reviewChange } from "../../src/review/index.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { describeShared } from "../support/shared.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder("real-changes");
});

afterAll(() => folder.remove());

const registries = `registries:
- name: gcr.io/k8s-staging-project
  src: true
- name: us.gcr.io/k8s-artifacts-prod/project
- name: eu.gcr.io/k8s-artifacts-prod/project
`;

/** Reviews one commit of the real repository, as a change of a tree of one project. */
async function reviewOf(change: string, allowRemovals: boolean): Promise<Review> {
  const repository = await createRepository(join(folder.path, change.replaceAll("/", "-")));
  const tree = join(repository.path, "tree");
  const put = async (state: string): Promise<void> => {
    const text = join(change, `${state}.yaml`);
    if (!existsSync(text)) return;
    await mkdir(join(tree, "images/project"), { recursive: true });
    await mkdir(join(tree, "manifests/project"), { recursive: true });
    await writeFile(join(tree, "manifests/project/promoter-manifest.yaml"), registries);
    await writeFile(join(tree, "images/project/images.yaml"), readFileSync(text));
  };
  await put("before");
  const base = await repository.commit("before");
  await put("after");
  const head = await repository.commit("after");
  const review = await reviewChange({ path: tree, base, head, allowRemovals, environment: gitEnvironment });
  await rm(repository.path, { recursive: true });
  return review;
}

/** What a review comes to, in one line: the verdict, edges added, removed and moved, and the codes of what fails. */
function inShort({ verdict, findings, edges }: Review): string {
  const failing = findings.filter(({ severity }) => severity === "fails").map(({ code }) => code);
  const { added, removed, moved } = edges;
  return [`${verdict} +${added} -${removed} ~${moved}`, ...new Set(failing)].join(" ");
}

/** Each edge counts twice: there are two destinations. */
const verdicts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "add-and-remove": { "k8s-staging-external-dns-ba005de40c78": "fails +2 -2 ~0 removed" },
  "add-one": {
    "k8s-staging-capi-operator-23064de6de09": "passes +2 -0 ~0",
    "k8s-staging-descheduler-12a2943fbf47": "passes +2 -0 ~0",
    "k8s-staging-external-dns-e2fa7a19c2e2": "passes +2 -0 ~0",
  },
  "add-several": {
    "k8s-staging-apisnoop-0d5e28189908": "passes +4 -0 ~0",
    "k8s-staging-coredns-1e462a1dcb42": "passes +4 -0 ~0",
    "k8s-staging-csi-secrets-store-a63ec6101a6c": "passes +4 -0 ~0",
  },
  "add-with-new-image-name": {
    "k8s-staging-cloud-pv-vsphere-ae74cb9b02af": "passes +6 -0 ~0",
    "k8s-staging-coredns-8282e600d437": "passes +2 -0 ~0",
    "k8s-staging-kubebuilder-38f72c2cfedd": "passes +30 -0 ~0",
  },
  "file-created": { "k8s-staging-external-dns-7e128edb52bb": "passes +0 -0 ~0" },
  "format-only": { "k8s-staging-apisnoop-59b147db49bd": "passes +0 -0 ~0" },
  "new-tag-on-existing-digest": { "k8s-staging-e2e-test-images-400cc8b9349e": "passes +2 -0 ~0" },
  "removal-only": { "k8s-staging-etcd-019ee2f74b62": "fails +0 -4 ~0 removed" },
  "tag-moved-to-other-digest": {
    "k8s-staging-external-dns-5e5eec021d0e": "fails +0 -0 ~2 tag-moved",
    // Its digest had 65 digits before, so it was asked for nowhere: nothing moves, a broken line is mended.
    "k8s-staging-infra-tools-0338f20c2cdd": "passes +2 -0 ~0",
  },
};

describeShared("real changes of promoter manifests, offline", "k8s.io/promotions", (promotions) => {
  const changes = readdirSync(promotions).flatMap((kind) =>
    readdirSync(join(promotions, kind)).map((name) => ({ kind, name, change: join(promotions, kind, name) })),
  );

  test("have the verdicts of the table", async () => {
    const found: Record<string, Record<string, string>> = {};
    for (const { kind, name, change } of changes) {
      found[kind] = { ...found[kind], [name]: inShort(await reviewOf(change, false)) };
    }
    expect(found).toEqual(verdicts);
  });

  test("that take lines away pass when that is allowed, and moved tags never do", async () => {
    for (const { kind, name, change } of changes) {
      if (!verdicts[kind]?.[name]?.startsWith("fails")) continue;
      const { verdict, findings } = await reviewOf(change, true);
      expect([name, verdict]).toEqual([name, kind === "tag-moved-to-other-digest" ? "fails" : "passes"]);
      expect(findings.map(({ code }) => code)).toContain(
        kind === "tag-moved-to-other-digest" ? "tag-moved" : "removed",
      );
    }
  });
});
