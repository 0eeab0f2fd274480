import { expect, test } from "vitest";
import { attachOrigins } from "../../src/builds/attach-origins.ts";
import type { BuildDestination, BuildPlan, BuiltImage } from "../../src/builds/index.ts";
import { parseDigest } from "../../src/oci/index.ts";
import type { Repository } from "../../src/registry/index.ts";

const digest = parseDigest(`sha256:${"a".repeat(64)}`);

/** Whether anything was to be attached to an image that a build claims. */
async function isAttached(
  repository: string,
  destination: BuildDestination,
  seenBy: BuiltImage["seenBy"] = ["step"],
): Promise<boolean> {
  const opened: string[] = [];
  const image = {
    build: "build",
    name: repository,
    repository,
    digest,
    mediaType: "x",
    size: 1,
    tags: [],
    seenBy,
  };
  const build = { substitutions: { PROJECT_ID: "k8s-staging-x" } };
  const pushes = [{ image: "x", repository: "quay.io/team/x", tag: "1" }];
  const plan = { destination, source: {}, builds: [{ name: "build", build, actions: [], pushes }] };
  await attachOrigins([image], {
    plan: plan as unknown as BuildPlan,
    outcomes: [],
    run: { job: "job", id: "1" },
    startedAt: new Date(),
    secrets: [],
    open: (name): Repository => {
      opened.push(name);
      throw new Error("not here");
    },
    say: () => {},
  });
  return opened.length > 0;
}

test("an image that only a step speaks of gets provenance where images of the build go, and nowhere else", async () => {
  const named = { kind: "named" } as const;
  expect(await isAttached("gcr.io/k8s-staging-x/y", named)).toBe(true);
  expect(await isAttached("quay.io/team/other", named)).toBe(true);
  expect(await isAttached("registry.k8s.io/pause", named)).toBe(false);
  expect(await isAttached("registry.k8s.io/pause", named, ["step", "waybill"])).toBe(true);
  const registry = { kind: "registry", prefix: "localhost:5000/staging" } as const;
  expect(await isAttached("localhost:5000/staging/x", registry)).toBe(true);
  expect(await isAttached("localhost:5000/production/x", registry)).toBe(false);
});
