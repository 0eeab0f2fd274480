import { describe, expect, it } from "vitest";
import { type DockerBuild, understandDocker } from "../../src/builds/docker-command.ts";
import type { ResolvedStep } from "../../src/cloudbuild/index.ts";

const cloudBuilder = "gcr.io/cloud-builders/docker";
const releng = "registry.k8s.io/releng/gcb-docker-gcloud:v20260730";

function step(over: Partial<ResolvedStep>): ResolvedStep {
  return {
    index: 0,
    name: cloudBuilder,
    args: [],
    env: {},
    secretEnv: [],
    dir: "/workspace",
    volumes: [],
    allowFailure: false,
    allowExitCodes: [],
    waitFor: [],
    at: { line: 1, column: 1 },
    ...over,
  };
}

const words = (line: string) => line.split(" ").filter((word) => word !== "");
const understand = (line: string, over: Partial<ResolvedStep> = {}) =>
  understandDocker(step({ args: words(line), ...over }));

const plain: DockerBuild = {
  kind: "build",
  context: "/workspace",
  dockerfile: "/workspace/Dockerfile",
  tags: ["a"],
  buildArgs: [],
  labels: [],
  platforms: [],
  pull: false,
  noCache: false,
  push: false,
  notes: [],
};

describe("understandDocker: docker build", () => {
  it.each<[line: string, difference: Partial<DockerBuild>]>([
    ["build -t a .", {}],
    ["build -ta .", {}],
    ["build -t=a .", {}],
    ["build --tag a .", {}],
    ["build --tag=a .", {}],
    ["build . --tag=a", {}],
    ["build -t a -- .", {}],
    ["build -t a -t b -t a .", { tags: ["a", "b"] }],
    ["build -qt a .", {}],
    ["build --quiet --rm --force-rm --compress -t a .", {}],
    ["build --rm=false --no-cache=false --pull=0 -t a .", {}],
    ["buildx build -t a .", {}],
    ["buildx b -t a .", {}],
    ["builder build -t a .", {}],
    ["image build -t a .", {}],
    ["build .", { tags: [] }],
    [
      "build -t a ./postgres",
      { context: "/workspace/postgres", dockerfile: "/workspace/postgres/Dockerfile" },
    ],
    ["build -t a sub/../other/", { context: "/workspace/other", dockerfile: "/workspace/other/Dockerfile" }],
    ["build -t a /src", { context: "/src", dockerfile: "/src/Dockerfile" }],
    ["build -f x/D -t a sub", { context: "/workspace/sub", dockerfile: "/workspace/x/D" }],
    ["build -fD -t a .", { dockerfile: "/workspace/D" }],
    ["build --file D -t a .", { dockerfile: "/workspace/D" }],
    ["build --file=/else/D -t a .", { dockerfile: "/else/D" }],
    ["build -t a --build-arg K=V --build-arg=L=a=b .", { buildArgs: ["K=V", "L=a=b"] }],
    ["build -t a --label k=v --label l .", { labels: ["k=v", "l="] }],
    ["build -t a --target one --target=two .", { target: "two" }],
    ["build -t a --platform linux/amd64,linux/arm64 .", { platforms: ["linux/amd64", "linux/arm64"] }],
    [
      "build -t a --platform linux/amd64 --platform=linux/arm/v7 .",
      { platforms: ["linux/amd64", "linux/arm/v7"] },
    ],
    ["build -t a --pull --no-cache .", { pull: true, noCache: true }],
    ["build -t a --network host .", {}],
    ["build -t a --network=default .", {}],
    ["build -t a --progress plain --progress=tty .", {}],
    ["build -t a --provenance=false --sbom=false .", {}],
    ["buildx build -t a --load .", {}],
    ["buildx build -t a --push .", { push: true }],
    ["buildx build -t a --push --load .", { push: true }],
    ["buildx build -t a --push=false .", {}],
    ["buildx build -t a --output type=registry .", { push: true }],
    ["buildx build -t a --output=type=image,push=true .", { push: true }],
    ["buildx build -t a -o type=image,push=false .", {}],
    ["buildx build -t a -o type=docker .", {}],
    ["buildx build -t a -o type=docker --push .", { push: true }],
  ])("%s", (line, difference) => {
    expect(understand(line)).toEqual({ ...plain, ...difference });
  });

  it("says what it leaves out", () => {
    const found = understand("build -t a --cache-from a:latest --cache-to type=inline --builder b .");
    expect(found).toMatchObject({ kind: "build", tags: ["a"] });
    expect("notes" in found ? found.notes.join("\n") : "").toMatch(
      /--cache-from.*\n.*--cache-to.*\n.*--builder/,
    );
  });

  it("takes values from the environment of the step", () => {
    const env = {
      K: "V",
      SOURCE_DATE_EPOCH: "0",
      DOCKER_DEFAULT_PLATFORM: "linux/arm64",
      DOCKER_BUILDKIT: "1",
    };
    expect(understand("build -t a --build-arg K --build-arg MISSING .", { env })).toEqual({
      ...plain,
      buildArgs: ["K=V", "SOURCE_DATE_EPOCH=0"],
      platforms: ["linux/arm64"],
    });
    expect(
      understand("build -t a --build-arg SOURCE_DATE_EPOCH=1 --platform linux/amd64 .", { env }),
    ).toMatchObject({ buildArgs: ["SOURCE_DATE_EPOCH=1"], platforms: ["linux/amd64"] });
  });

  it("starts from the folder of the step", () => {
    expect(understand("build -t a -f D ..", { dir: "/workspace/images/x" })).toEqual({
      ...plain,
      context: "/workspace/images",
      dockerfile: "/workspace/images/x/D",
    });
  });

  it("keeps words as they are", () => {
    const args = ["build", "-t", "a", "--build-arg", "K=two words; $(rm)", "--label", "l=\n", "."];
    expect(understandDocker(step({ args }))).toEqual({
      ...plain,
      buildArgs: ["K=two words; $(rm)"],
      labels: ["l=\n"],
    });
  });

  it.each<[line: string, reason: RegExp]>([
    ["build -t a", /one context/],
    ["build -t a . ..", /one context/],
    ["build -t a -", /no path/],
    ["build -t a https://example.com/x.git", /no path/],
    ["build -t a git@example.com:x.git", /no path/],
    ["build -t a github.com/x/y", /no path/],
    ["build -t a -f - .", /no path/],
    ["build -t a -f https://example.com/D .", /no path/],
    ["build -t", /-t needs a value/],
    ["build --squash -t a .", /--squash/],
    ["build --iidfile f -t a .", /--iidfile/],
    ["build --metadata-file f -t a .", /--metadata-file/],
    ["build --secret id=x -t a .", /--secret/],
    ["build --ssh default -t a .", /--ssh/],
    ["build --add-host h:1 -t a .", /--add-host/],
    ["build --memory 1g -t a .", /--memory/],
    ["build -m 1g -t a .", /-m/],
    ["build -qm 1g -t a .", /-m/],
    ["build --build-context x=y -t a .", /--build-context/],
    ["build --annotation a=b -t a .", /--annotation/],
    ["build --constructor -t a .", /--constructor/],
    ["build --pull=sometimes -t a .", /--pull/],
    ["build --network none -t a .", /--network none/],
    ["build --provenance -t a .", /--provenance/],
    ["build --provenance=mode=max -t a .", /--provenance/],
    ["build --sbom=true -t a .", /--sbom/],
    ["buildx build -o out -t a .", /--output/],
    ["buildx build -o type=local,dest=out -t a .", /--output/],
    ["buildx build -o type=image,name=b,push=true -t a .", /--output/],
    ["buildx build --push .", /without a tag/],
    ["build --platform local -t a .", /platform/],
    ["build --platform= -t a .", /platform/],
  ])("%s is left to a container", (line, reason) => {
    expect(understand(line)).toEqual({ reason: expect.stringMatching(reason) });
  });
});

describe("understandDocker: tag and push", () => {
  it.each([
    ["tag a b", { kind: "tag", source: "a", target: "b" }],
    ["image tag a b", { kind: "tag", source: "a", target: "b" }],
    ["push a", { kind: "push", images: ["a"] }],
    ["image push -q a", { kind: "push", images: ["a"] }],
    ["push a --quiet", { kind: "push", images: ["a"] }],
  ])("%s", (line, command) => {
    expect(understand(line)).toEqual(command);
  });

  it.each([
    ["tag a", /two names/],
    ["tag a b c", /two names/],
    ["tag --force a b", /--force/],
    ["push", /one name/],
    ["push a b", /one name/],
    ["push --all-tags a", /--all-tags/],
    ["push -a a", /-a/],
    ["buildx push a", /docker buildx push is no/],
    ["buildx create --use", /docker buildx create is no/],
    ["run a", /docker run is no/],
    ["image", /docker image is no/],
    ["", /is no build/],
    ["--debug build -t a .", /docker --debug/],
    ["docker build -t a .", /docker docker is no/],
  ])("%s is left to a container", (line, reason) => {
    expect(understand(line)).toEqual({ reason: expect.stringMatching(reason) });
  });
});

describe("understandDocker: whether a step is docker at all", () => {
  const args = words("build -t a .");

  it.each<[what: string, Partial<ResolvedStep>]>([
    ["a tag", { name: `${cloudBuilder}:20.10.24`, args }],
    ["a digest", { name: `${cloudBuilder}@sha256:${"0".repeat(64)}`, args }],
    ["a tag and a digest", { name: `${cloudBuilder}:1@sha256:${"0".repeat(64)}`, args }],
    ["an entrypoint that says the same", { entrypoint: "docker", args }],
    ["docker of Docker Hub", { name: "docker", args }],
    ["docker of Docker Hub, in full", { name: "docker.io/library/docker:28-cli", args }],
    ["docker of Docker Hub that is told docker", { name: "docker", args: ["docker", ...args] }],
    ["gcb-docker-gcloud that is told docker", { name: releng, args: ["docker", ...args] }],
    ["gcb-docker-gcloud with an entrypoint", { name: releng, entrypoint: "docker", args }],
    [
      "gcb-docker-gcloud of another home",
      { name: "gcr.io/k8s-testimages/gcb-docker-gcloud", entrypoint: "/usr/bin/docker", args },
    ],
  ])("%s", (_, over) => {
    expect(understandDocker(step(over))).toEqual(plain);
  });

  it.each<[what: string, Partial<ResolvedStep>, reason: RegExp]>([
    ["another image", { name: "gcr.io/cloud-builders/git", args }, /no image of docker/],
    ["another docker", { name: "example.com/docker", args }, /no image of docker/],
    ["another entrypoint", { entrypoint: "bash", args: ["-c", "docker build ."] }, /runs bash/],
    ["make", { name: releng, args: ["make", "push"] }, /runs make/],
    ["nothing", { name: releng }, /what its image says/],
    ["a script", { script: "docker build .", args: [] }, /script/],
    ["secrets", { args, secretEnv: ["TOKEN"] }, /secrets/],
    ["volumes", { args, volumes: [{ name: "v", path: "/v" }] }, /volumes/],
    ["another daemon", { args, env: { DOCKER_HOST: "tcp://x" } }, /DOCKER_HOST/],
    ["other credentials", { args, env: { DOCKER_CONFIG: "/workspace" } }, /DOCKER_CONFIG/],
  ])("not: %s", (_, over, reason) => {
    expect(understandDocker(step(over))).toEqual({ reason: expect.stringMatching(reason) });
  });
});
