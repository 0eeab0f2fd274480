import { randomUUID } from "node:crypto";
import { join, relative } from "node:path";
import {
  CloudBuildError,
  type CloudBuildFile,
  parseCloudBuild,
  resolveCloudBuild,
  withSubstitutionOption,
} from "../cloudbuild/index.ts";
import { type Diagnostic, formatPlace, placeOf } from "../diagnostics/index.ts";
import { parseRepository } from "../oci/index.ts";
import { actionsOf } from "./actions.ts";
import { chooseEngine, type EngineChoice } from "./choose-engine.ts";
import { findBuildPaths, readBuildText } from "./config-folder.ts";
import { BuildError } from "./errors.ts";
import type { BuildDestination, BuildPlan, BuildRequest, GoogleOptions, PlannedBuild } from "./model.ts";
import { notesOf, substitutionNotes } from "./notes.ts";
import { plannedPush, sharedNames } from "./planned-push.ts";
import { nameSource } from "./source.ts";
import { builtInsOf, substitutionsOf, usedOf } from "./substitutions.ts";
import { readVariants } from "./variants.ts";

/** A plan, and what it takes to carry it out beside it. */
export interface PreparedBuild {
  readonly plan: BuildPlan;
  /** The build file as it was read, for Cloud Build itself. */
  readonly file: CloudBuildFile;
  readonly engine: EngineChoice;
  readonly project: string | undefined;
  readonly google: GoogleOptions;
}

/** What `$PROJECT_ID` stands for where nobody has said it, and images do not go where it would lead. */
const localProject = "local";

/**
 * Makes the plan of a build: reads the config folder, asks Git what is built, and this machine by what. Nothing is executed
 * and nothing is written.
 * @throws {BuildError} for what is wrong with the folder, the source, the destination or the engine.
 * @throws {CloudBuildError} with everything that is wrong with the build file.
 * @throws {GitError} when the source is in no repository.
 */
export async function prepareBuild(request: BuildRequest): Promise<PreparedBuild> {
  const paths = await findBuildPaths(request);
  const choosing = chooseEngine(request.engine, request.environment ?? process.env);
  // What is wrong with the files is told first; an engine that is missing meanwhile has its turn below.
  choosing.catch(() => undefined);
  const [text = "", { variants, notes: variantNotes }, { source, tag }] = await Promise.all([
    readBuildText(paths.config),
    readVariants(join(paths.configDir, "variants.yaml"), request.variant),
    nameSource(paths, request),
  ]);
  const config = request.configName ?? shownPath(paths.config);
  const { build: read, diagnostics } = parseCloudBuild(text, config);
  // What is wrong with the file, each once: its variants share most.
  const found = new Map<string, Diagnostic>();
  const note = (some: readonly Diagnostic[]): void => {
    for (const one of some) found.set(`${formatPlace(placeOf(one))}: ${one.message}`, one);
  };
  const isFatal = (): boolean => [...found.values()].some(({ severity }) => severity === "error");
  const invalid = (): CloudBuildError => new CloudBuildError(config, [...found.values()]);
  note(diagnostics);
  if (read === undefined) throw invalid();
  const { substitutionOption: option } = request;
  const file = option === undefined ? read : withSubstitutionOption(read, option);

  const destination = destinationOf(request);
  if (destination.kind === "named" && request.project === undefined) refuseUnnamedProject(text, config);
  const platforms = platformsOf(request);
  const project = request.project ?? (destination.kind === "named" ? undefined : localProject);
  const remarks = [...variantNotes];
  const builds = variants.flatMap((variant): PlannedBuild[] => {
    const substitutions = substitutionsOf(request, variant, tag);
    const { given: asked, offered } = substitutions;
    const facts = { project, buildId: randomUUID(), region: request.google?.region };
    const builtIns = builtInsOf(source, facts);
    const resolved = resolveCloudBuild(file, { substitutions: asked, offered, builtIns });
    note(resolved.diagnostics);
    if (resolved.build === undefined || isFatal()) return [];
    const push = (image: string) => plannedPush(image, destination, project);
    const { actions, notes } = actionsOf(resolved.build, push, platforms);
    remarks.push(...substitutionNotes(resolved.build, resolved.used, request, file), ...notes);
    const isGoogles = request.engine === "gcb" && request.givenMustMatch !== true;
    const given = usedOf(substitutions, builtIns, resolved.used, isGoogles);
    return [
      { name: variant.name, given, build: resolved.build, actions, pushes: resolved.build.images.map(push) },
    ];
  });
  if (isFatal()) throw invalid();
  const engine = await choosing;
  const plan: BuildPlan = {
    format: "waybill-build/1",
    engine: engine.name,
    engineVersion: engine.kind === "local" ? engine.engine.version : undefined,
    engineReason: engine.reason,
    tag,
    source,
    config,
    destination,
    builds,
    warnings: sharedNames(builds),
    notes: notesOf({ warnings: [...found.keys()], remarks, builds, engine, request, project }),
  };
  return { plan, file, engine, project, google: request.google ?? {} };
}

/** Without a project, names such as `gcr.io/$PROJECT_ID/name` would lead nowhere. */
function refuseUnnamedProject(text: string, config: string): void {
  const lines = text.split("\n");
  const line = lines.findIndex((one) => /(?<!\$)\$(?:PROJECT_ID\b|\{PROJECT_ID\})/.test(one));
  if (line < 0) return;
  const where = `${config}:${line + 1}:${(lines[line]?.indexOf("$") ?? 0) + 1}`;
  throw new BuildError("project-missing", "nothing says what $PROJECT_ID stands for", {
    where,
    hint: "name the project with --project",
  });
}

/** An engine would make an image of what it has, and label it as it was told. */
function platformsOf({ platforms = [] }: BuildRequest): readonly string[] {
  const odd = platforms.find((one) => !/^[a-z0-9]+\/[a-z0-9]+(?:\/[a-z0-9.]+)?$/.test(one));
  if (odd === undefined) return [...new Set(platforms)];
  throw new BuildError("invalid-platform", `${JSON.stringify(odd)} names no platform`, {
    hint: "such as linux/amd64, or linux/arm/v7",
  });
}

function destinationOf(request: BuildRequest): BuildDestination {
  const { pushTo, pushAsNamed, registryFolder } = request;
  if (pushTo !== undefined && request.engine === "gcb") {
    const message = "Cloud Build pushes to where the build file names its images";
    throw new BuildError("invalid-destination", message, {
      hint: "leave --push-to out, or build here: --engine docker",
    });
  }
  if (pushTo !== undefined) {
    const prefix = pushTo.replace(/^docker:\/\//, "").replace(/\/+$/, "");
    try {
      parseRepository(`${prefix}/name`);
    } catch (cause) {
      const shown = JSON.stringify(pushTo.replace(/^(\w+:\/\/).*@/, "$1"));
      throw new BuildError("invalid-destination", `${shown} is no registry to push to`, {
        hint: "such as localhost:5000, or registry.example.com/staging",
        cause,
      });
    }
    return { kind: "registry", prefix };
  }
  if (pushAsNamed === true || request.engine === "gcb" || registryFolder === undefined)
    return { kind: "named" };
  return { kind: "embedded", folder: registryFolder };
}

function shownPath(path: string): string {
  const shown = relative(process.cwd(), path);
  return shown.startsWith("..") ? path : shown;
}

/** What the job of a build is called when somebody runs it by hand: after what is built, `build-apisnoop-apps-snoopdb`. */
export function jobNameOf({ source, config }: Pick<BuildPlan, "source" | "config">): string {
  const file = source.configPath.startsWith("/") ? config : source.configPath;
  const path = file.replace(/(?:^|\/)cloudbuild\.ya?ml$/, "").replace(/\.ya?ml$/, "");
  const words = ["build", source.name, ...path.split("/")]
    .map((word) => word?.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+|[.-]+$/g, ""))
    .filter((word) => word !== undefined && word !== "");
  return words.join("-").slice(0, 120);
}
