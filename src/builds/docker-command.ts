import { posix } from "node:path";
import type { ResolvedStep } from "../cloudbuild/index.ts";
import { type FlagTable, type NoDockerCommand, type ReadFlags, readFlags } from "./docker-flags.ts";
import type { ImageBuild, ImageTag } from "./engine.ts";

/** A step that is nothing but a command of `docker`, so that any engine can do it. */
export type DockerCommand = DockerBuild | ImageTag | DockerPush;

/** `docker build`. Paths are absolute within the container of the step. */
export interface DockerBuild extends ImageBuild {
  /** Where none is named, `Dockerfile` in the context. */
  readonly dockerfile: string;
  readonly push: boolean;
  /** What is left out because it does not change the result; part of a sentence each. */
  readonly notes: readonly string[];
}

export interface DockerPush {
  readonly kind: "push";
  readonly images: readonly string[];
}

/**
 * Understands a step that only builds, tags or pushes an image with `docker`. Whatever is not understood completely is left
 * to a container: nothing is guessed, and nothing that changes the image is dropped.
 */
export function understandDocker(step: ResolvedStep): DockerCommand | NoDockerCommand {
  const argv = dockerArguments(step);
  if ("reason" in argv) return argv;
  const outside = whatElseCounts(step);
  if (outside !== undefined) return { reason: outside };

  const [first = "", second = ""] = argv.words;
  const isGroup = ["buildx", "builder", "image"].includes(first);
  const verb = isGroup ? second : first;
  const rest = argv.words.slice(isGroup ? 2 : 1);
  const said = `docker ${isGroup ? `${first} ${second}` : first}`.trimEnd();
  if (verb === "build" || (first === "buildx" && verb === "b")) return understandBuild(rest, step);
  if (first === "tag" || (first === "image" && verb === "tag")) return understandTag(rest);
  if (first === "push" || (first === "image" && verb === "push")) return understandPush(rest);
  return {
    reason: first.startsWith("-")
      ? `docker ${first} is not understood here`
      : `${said} is no build, tag or push`,
  };
}

function dockerArguments(step: ResolvedStep): { readonly words: readonly string[] } | NoDockerCommand {
  if (step.script !== undefined) return { reason: "it runs a script" };
  const image = step.name.replace(/@[^@]*$/, "").replace(/:[^:/]*$/, "");
  const isDocker = dockerImages.has(image);
  if (!isDocker && posix.basename(image) !== "gcb-docker-gcloud")
    return { reason: `${step.name} is no image of docker` };
  if (step.entrypoint !== undefined) {
    if (dockerPrograms.has(step.entrypoint)) return { words: step.args };
    return { reason: `it runs ${step.entrypoint}` };
  }
  // The entrypoint of cloud-builders/docker is docker itself; the others run what they are given.
  if (isDocker && (image.endsWith("cloud-builders/docker") || step.args[0] !== "docker"))
    return { words: step.args };
  if (step.args[0] !== undefined && dockerPrograms.has(step.args[0])) return { words: step.args.slice(1) };
  return { reason: `it runs ${step.args[0] ?? "what its image says"}` };
}

const dockerImages = new Set([
  ...["gcr.io/cloud-builders/docker", "docker", "library/docker", "docker.io/docker"],
  ...["docker.io/library/docker", "index.docker.io/library/docker"],
]);
const dockerPrograms = new Set(["docker", "/usr/bin/docker", "/usr/local/bin/docker"]);

/** What a step has beside its command line that docker would see. */
function whatElseCounts(step: ResolvedStep): string | undefined {
  if (step.secretEnv.length > 0) return "it is given secrets";
  if (step.volumes.length > 0) return "it uses volumes";
  const elsewhere = ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "BUILDKIT_HOST"].find(
    (name) => step.env[name] !== undefined,
  );
  return elsewhere === undefined ? undefined : `its environment sets ${elsewhere}`;
}

function understandTag(args: readonly string[]): ImageTag | NoDockerCommand {
  const flags = readFlags(args, {});
  if ("reason" in flags) return flags;
  const [source, target, ...more] = flags.words;
  if (source === undefined || target === undefined || more.length > 0)
    return { reason: "docker tag needs two names" };
  return { kind: "tag", source, target };
}

function understandPush(args: readonly string[]): DockerPush | NoDockerCommand {
  const flags = readFlags(args, {
    quiet: { short: "q", takes: "switch" },
    "disable-content-trust": { takes: "switch" },
  });
  if ("reason" in flags) return flags;
  const [image, ...more] = flags.words;
  return image === undefined || more.length > 0
    ? { reason: "docker push needs one name" }
    : { kind: "push", images: [image] };
}

const value = { takes: "value" } as const;
const toggle = { takes: "switch" } as const;

/** Flags of `docker build` and of `docker buildx build` that can be done anywhere, or need not be done. */
const buildFlags: FlagTable = {
  tag: { short: "t", takes: "value" },
  file: { short: "f", takes: "value" },
  quiet: { short: "q", takes: "switch" },
  output: { short: "o", takes: "value" },
  provenance: { takes: "optional" },
  sbom: { takes: "optional" },
  ...{ "build-arg": value, label: value, target: value, platform: value, network: value, progress: value },
  ...{ "cache-from": value, "cache-to": value, builder: value },
  ...{ pull: toggle, "no-cache": toggle, rm: toggle, "force-rm": toggle, load: toggle, push: toggle },
  ...{ compress: toggle, "disable-content-trust": toggle },
};

function understandBuild(args: readonly string[], step: ResolvedStep): DockerBuild | NoDockerCommand {
  const flags = readFlags(args, buildFlags);
  if ("reason" in flags) return flags;
  const all = (name: string) => flags.values.get(name) ?? [];
  const last = (name: string) => all(name).at(-1);
  const isOn = (name: string) => last(name) === "true";

  const [context, ...more] = flags.words;
  if (context === undefined || more.length > 0) return { reason: "docker build needs one context" };
  const dockerfile = last("file");
  const isRemote = [context, dockerfile].find((path) => path !== undefined && isElsewhere(path));
  if (isRemote !== undefined) return { reason: `${isRemote} is no path` };

  const refused = whatCannotBeDone(flags);
  if (refused !== undefined) return { reason: refused };
  const odd = all("output").find((output) => !outputs.has(output));
  if (odd !== undefined) return { reason: `--output ${odd} is not understood here` };
  const push = isOn("push") || all("output").some((output) => outputs.get(output));
  const tags = [...new Set(all("tag"))];
  if (push && tags.length === 0) return { reason: "an image without a tag cannot be pushed" };

  const platforms = readPlatforms(all("platform"), step);
  if ("reason" in platforms) return platforms;
  const contextFolder = posix.resolve(step.dir, context);
  return {
    kind: "build",
    context: contextFolder,
    dockerfile: dockerfile ? posix.resolve(step.dir, dockerfile) : posix.join(contextFolder, "Dockerfile"),
    tags,
    buildArgs: readBuildArguments(all("build-arg"), step),
    labels: all("label").map((label) => (label.includes("=") ? label : `${label}=`)),
    target: last("target") || undefined,
    platforms: platforms.platforms,
    pull: isOn("pull"),
    noCache: isOn("no-cache"),
    push,
    notes: ["cache-from", "cache-to", "builder"]
      .filter((name) => all(name).length > 0)
      .map((name) => `--${name} is ignored: it changes how long the build takes, not what it makes`),
  };
}

function isElsewhere(path: string): boolean {
  return path === "-" || /^(?:[a-z][a-z0-9+.-]*:\/\/|git@|github\.com\/)/i.test(path);
}

function whatCannotBeDone({ values }: ReadFlags): string | undefined {
  const network = values.get("network")?.at(-1) ?? "default";
  if (network !== "host" && network !== "default") return `--network ${network} is not understood here`;
  const attestation = ["provenance", "sbom"].find(
    (name) => !["false", "0", undefined].includes(values.get(name)?.at(-1)),
  );
  return attestation === undefined ? undefined : `--${attestation} attaches what docker alone can say`;
}

/** Values of `--output`, and whether they push. */
const outputs: ReadonlyMap<string, boolean> = new Map([
  ["type=registry", true],
  ["type=image,push=true", true],
  ["type=image", false],
  ["type=image,push=false", false],
  ["type=docker", false],
]);

function readPlatforms(
  given: readonly string[],
  step: ResolvedStep,
): { platforms: string[] } | NoDockerCommand {
  const default_ = step.env.DOCKER_DEFAULT_PLATFORM;
  const asked = given.length > 0 || !default_ ? given : [default_];
  const platforms = [...new Set(asked.flatMap((list) => list.split(",").map((platform) => platform.trim())))];
  const odd = platforms.find((platform) => !/^[a-z0-9]+\/[a-z0-9]+(?:\/[a-z0-9.]+)?$/.test(platform));
  return odd === undefined ? { platforms } : { reason: `"${odd}" names no platform as linux/arm64 does` };
}

/** A name alone takes its value from the environment of the step; without one there, docker drops it. */
function readBuildArguments(given: readonly string[], { env }: ResolvedStep): string[] {
  const known = given.flatMap((argument) => {
    if (argument.includes("=")) return [argument];
    return env[argument] === undefined ? [] : [`${argument}=${env[argument]}`];
  });
  // BuildKit takes the time of a reproducible build from the environment.
  const epoch = env.SOURCE_DATE_EPOCH;
  const isGiven = epoch === undefined || given.some((argument) => /^SOURCE_DATE_EPOCH(?:=|$)/.test(argument));
  return isGiven ? known : [...known, `SOURCE_DATE_EPOCH=${epoch}`];
}
