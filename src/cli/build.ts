import { InvalidArgumentError } from "@commander-js/extra-typings";
import type { BuildRequest } from "../builds/index.ts";
import { printBuildPlan } from "./build-text.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import { dataFolder, withDataFolder } from "./recorded.ts";
import { runAskedBuild } from "./run-build.ts";
import type { Session } from "./session.ts";
import { type Blank, collect, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  withDataFolder(command)
    .argument("<config-dir>", "folder with cloudbuild.yaml, and perhaps variants.yaml")
    .addOption(how("--build-dir <dir>", "folder to build from; the config folder by default"))
    .addOption(how("--gcb-config <file>", "build file, from the config folder on").default("cloudbuild.yaml"))
    .addOption(how("--project <id>", "what $PROJECT_ID stands for"))
    .addOption(how.common("--variant <name>", "build only this one of variants.yaml"))
    .addOption(
      how("--env-passthrough <names>", "variables that become substitutions, as _NAME").argParser(names),
    )
    .addOption(
      how(
        "--substitution <_KEY=value>",
        "another substitution, or what a trigger would say: TAG_NAME=v1; repeatable",
      ).argParser(pairs),
    )
    .addOption(
      how(
        "--substitution-option <option>",
        "instead of the file's own; triggers run all files by ALLOW_LOOSE",
      ).choices(["MUST_MATCH", "ALLOW_LOOSE"]),
    )
    .addOption(
      how("--given-must-match", "by MUST_MATCH, the file has to use $_GIT_TAG and --env-passthrough, too"),
    )
    .addOption(
      how("--secret <NAME=source>", "a secret: NAME=@file, NAME=env:VARIABLE, or NAME; repeatable").argParser(
        collect,
      ),
    )
    .addOption(how("--allow-dirty", "build a working copy with changes"))
    .addOption(how("--with-git-dir", "steps see .git as well"))
    .addOption(how("--no-source", "steps get an empty workspace"))
    .addOption(how("--version-tag-filter <glob>", "Git tags that $_GIT_TAG may be made from"))
    .addOption(
      how("--date <day>", "how $_GIT_TAG begins: today, commit (reproducible), or YYYYMMDD").default("today"),
    )
    .addOption(
      how(
        "--platform <os/arch>",
        "platforms of native builds, by commas; two or more make an index",
      ).argParser(names),
    )
    .addOption(
      how
        .common("--push-to <registry>", "registry to push to, instead of the embedded one")
        .conflicts("push"),
    )
    .addOption(how.common("--push", "push to where the build file names its images"))
    .addOption(
      how
        .common("--engine <name>", "what builds; found by itself by default")
        .choices(["docker", "podman", "buildah", "scratch", "gcb", "plan"]),
    )
    .addOption(
      how("--jobs <number>", "variants that are built at the same time").argParser(number).default(4),
    )
    .addOption(how("--job <name>", "name of the job in the record; from the config folder by default"))
    .addOption(how("--log-dir <dir>", "write the log to a file here, too"))
    .addOption(how.common("--dry-run", "print what would be done, and do nothing"))
    .addOption(how("--scratch-bucket <url>", "Cloud Build: bucket for sources and logs"))
    .addOption(how("--region <name>", "Cloud Build: region; global by default"))
    .addOption(how("--machine-type <type>", "Cloud Build: kind of machine"))
    .addOption(how("--worker-pool <name>", "Cloud Build: private pool"))
    .addOption(how("--service-account <name>", "Cloud Build: account of the build"))
    .addOption(how("--polling-interval <seconds>", "Cloud Build: how often to ask").argParser(number))
    .addOption(how("--suppress-logs", "do not show the log; the record has it"));

type Options = OptionsOf<typeof define>;

export const build = verb({
  name: "build",
  summary: "build images from a Cloud Build file and push them",
  description: "build images from a Cloud Build file, as image-builder does, and push them to staging",
  examples: [
    ["waybill build apps/snoopdb --dry-run", "see what would be done, by what"],
    ["waybill build apps/snoopdb", "build with what is here, push to the embedded registry"],
    ["waybill build --project=k8s-staging-foo --env-passthrough=PULL_BASE_REF .", "a line of image-builder"],
    [
      "waybill build apps/snoopdb --push-to localhost:5000/staging --date commit",
      "a tag that can be made again",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "all was built and pushed; a dry run: could be",
    [exitCodes.nothingDone]: "nothing was built",
    [exitCodes.notAsDesired]: "a step failed, or an image is missing or could not be pushed",
  },
  page: "build.md",
  define,
  run,
});

async function run(session: Session, configDir: string, options: Options): Promise<ExitCode> {
  const { env } = session;
  const { jobNameOf, prepareBuild } = await import("../builds/index.ts");
  const { join } = await import("node:path");
  const data = await dataFolder(session, options.dataDir);
  const prepared = await prepareBuild(requestOf(configDir, options, env, join(data, "registry")));
  if (options.dryRun || options.engine === "plan") {
    await deliver(session, {
      text: (terminal) => printBuildPlan(terminal, prepared.plan),
      json: () => asJson(prepared.plan),
    });
    return exitCodes.asDesired;
  }
  return runAskedBuild(session, {
    data,
    job: options.job ?? jobNameOf(prepared.plan),
    type: "periodic",
    prepare: async () => prepared,
    secrets: options.secret ?? [],
    concurrency: options.jobs,
    logDir: options.logDir,
    suppressLogs: options.suppressLogs,
  });
}

function requestOf(
  configDir: string,
  options: Options,
  environment: Session["env"],
  registryFolder: string,
): BuildRequest {
  const { scratchBucket, region, machineType, workerPool, serviceAccount, suppressLogs } = options;
  const pollingSeconds = options.pollingInterval;
  const machines = { region, machineType, workerPool, serviceAccount };
  return {
    configDir: configDir.replace(/(?<=.)\/+$/, ""),
    configFile: options.gcbConfig,
    buildDir: options.buildDir,
    project: options.project,
    variant: options.variant,
    envPassthrough: options.envPassthrough,
    substitutionOption: options.substitutionOption,
    givenMustMatch: options.givenMustMatch,
    allowDirty: options.allowDirty,
    withGitDir: options.withGitDir,
    versionTagFilter: options.versionTagFilter,
    platforms: options.platform,
    pushTo: options.pushTo,
    pushAsNamed: options.push,
    engine: options.engine,
    noSource: !options.source,
    date: options.date,
    substitutions: Object.fromEntries(options.substitution ?? []),
    google: { ...machines, scratchBucket, suppressLogs, pollingSeconds },
    registryFolder,
    environment,
  };
}

function names(text: string): readonly string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function pairs(text: string, previous: readonly [string, string][] = []): readonly [string, string][] {
  const [, key, value] = /^([A-Z_][A-Z0-9_]*)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw new InvalidArgumentError(
      "it is _KEY=value or TAG_NAME=value, with capital letters, digits and underscores",
    );
  }
  return [...previous, [key, value]];
}

function number(text: string): number {
  const value = /^[0-9]{1,4}s?$/.test(text) ? Number.parseInt(text, 10) : 0;
  if (value < 1) throw new InvalidArgumentError("it is a whole number from 1 on");
  return value;
}
