import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import {
  CloudBuildError,
  type CloudBuildFile,
  type CloudBuildProblem,
  parseCloudBuild,
  resolveCloudBuild,
} from "../cloudbuild/index.ts";
import { type DescribedCheckout, describeCheckout, GitError } from "../git/index.ts";
import { actionsOf } from "./actions.ts";
import { chooseEngine, type EngineChoice } from "./choose-engine.ts";
import { BuildError } from "./errors.ts";
import type { BuildDestination, BuildPlan, BuildRequest, BuildSource, PlannedBuild } from "./model.ts";
import { plannedPush, refuseCollisions } from "./planned-push.ts";
import { readBuildText } from "./read-text.ts";
import { readVariants, type Variant } from "./variants.ts";
import { dateOfTag, versionTag } from "./version-tag.ts";

/** A plan, and what it takes to carry it out beside it. */
export interface PreparedBuild {
  readonly plan: BuildPlan;
  /** The build file as it was read, for Cloud Build itself. */
  readonly file: CloudBuildFile;
  readonly engine: EngineChoice;
}

/** What `$PROJECT_ID` stands for where nobody has said it, and nothing leaves this machine. */
const localProject = "local";

/**
 * Makes the plan of a build: reads the config folder, asks Git what is built, and the machine by what. Nothing is executed
 * and nothing is written.
 * @throws {BuildError} what is wrong with the folder, the source, the destination or the engine.
 * @throws {CloudBuildError} every problem of the build file.
 */
export async function prepareBuild(request: BuildRequest): Promise<PreparedBuild> {
  const paths = await findConfig(request);
  const [text, variants, source] = await Promise.all([
    readBuildText(paths.config),
    readVariants(join(paths.configDir, "variants.yaml"), request.variant),
    readSource(paths.buildDir, request),
  ]);
  if (text === undefined) throw new BuildError("config-missing", `${paths.config} does not exist`, configHint);
  const shown = relative(process.cwd(), paths.config);
  const config = shown.startsWith("..") ? paths.config : shown;
  const { build: file, problems } = parseCloudBuild(text, config);
  if (file === undefined) throw new CloudBuildError(problems, config);

  const tag = tagOf(source, request);
  const project = request.project ?? (request.pushAsNamed === true ? undefined : localProject);
  const destination = destinationOf(request);
  const found: CloudBuildProblem[] = [...problems];
  const planned = variants.map((variant): PlannedBuild => {
    const resolved = resolveCloudBuild(file, {
      substitutions: substitutionsOf(request, variant, tag),
      builtIns: builtInsOf(source, project, request),
    });
    found.push(...resolved.problems.filter((problem) => !isKnown(found, problem)));
    if (resolved.build === undefined) return { name: variant.name, build: nothing, actions: [], pushes: [] };
    const push = (image: string) => plannedPush(image, destination, project);
    const actions = actionsOf(resolved.build, push, request.platforms ?? []);
    return {
      name: variant.name,
      build: resolved.build,
      actions: actions.actions,
      pushes: resolved.build.images.map(push),
    };
  });
  if (found.some(({ severity }) => severity === "error")) throw new CloudBuildError(found, config);
  refuseCollisions(planned);
  const engine = await chooseEngine(request);
  const plan: BuildPlan = {
    format: "waybill-build/1",
    engine: engine.name,
    engineReason: engine.reason,
    tag,
    source,
    config,
    destination,
    builds: planned,
    notes: notesOf({ found, planned, engine, request, config }),
  };
  return { plan, file, engine };
}
