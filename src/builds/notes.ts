import type { CloudBuildFile, ResolvedBuild } from "../cloudbuild/index.ts";
import type { EngineChoice } from "./choose-engine.ts";
import type { BuildRequest, PlannedBuild } from "./model.ts";

export interface NotedFacts {
  readonly warnings: readonly string[];
  readonly remarks: readonly string[];
  readonly builds: readonly PlannedBuild[];
  readonly engine: EngineChoice;
  readonly request: BuildRequest;
  readonly project: string | undefined;
}

/** What somebody should know before a build: what is ignored here, what is not seen, what will hardly work. Each once. */
export function notesOf(facts: NotedFacts): readonly string[] {
  return [
    ...new Set([
      ...facts.warnings,
      ...facts.remarks,
      ...projectNotes(facts),
      ...(facts.engine.kind === "gcb" ? hereNotes(facts) : googleNotes(facts)),
      ...(facts.engine.kind === "local" ? containerNotes(facts) : []),
    ]),
  ];
}

/** What a file refers to and nobody knows, and what was meant for it and it does not refer to. */
export function substitutionNotes(
  { substitutions }: ResolvedBuild,
  used: ReadonlySet<string>,
  { envPassthrough = [], givenMustMatch }: BuildRequest,
  { options }: CloudBuildFile,
): string[] {
  const empty = [...used].filter((key) => !key.startsWith("_") && substitutions[key] === undefined);
  const isLenient = givenMustMatch !== true && options.substitutionOption === "MUST_MATCH";
  const unused = isLenient ? envPassthrough.filter((name) => !used.has(`_${name}`)) : [];
  return [
    ...empty.map((key) => `$${key} is empty: nothing here says what it is; --substitution ${key}=… does`),
    ...unused.map((name) => `the build file does not use $_${name}, which --env-passthrough would give it`),
  ];
}

function projectNotes({ request, project, builds }: NotedFacts): string[] {
  const isUsed = builds.some(({ build }) => JSON.stringify(build).includes(`${project}/`));
  if (request.project !== undefined || project === undefined || !isUsed) return [];
  return [`$PROJECT_ID is ${JSON.stringify(project)}, because --project does not say what it is`];
}

function googleNotes({ builds }: NotedFacts): string[] {
  const settings = new Map(builds.flatMap(({ build }) => Object.entries(build.google)));
  if (settings.size === 0) return [];
  const words = [...settings].map(([name, value]) => `${name} (${value})`);
  return [`only Cloud Build itself knows what to do with ${words.join(", ")}; it is left out here`];
}

function hereNotes({ request }: NotedFacts): string[] {
  if (request.platforms === undefined || request.platforms.length === 0) return [];
  return ["Cloud Build is not told of --platform: it does what the steps say"];
}

/** Containers of Docker have its socket, as on Cloud Build; those of the others have not. */
function containerNotes({ builds, engine }: NotedFacts): string[] {
  return builds.flatMap(({ build, actions }) =>
    build.steps.flatMap(({ index, name }) => {
      const action = actions[index];
      if (action?.kind !== "container" || engine.name === "docker" || !wantsSocket.test(name)) return [];
      return [
        `step ${index} runs in ${name}, which as a rule needs Docker's socket, and ${engine.name} has none to give`,
      ];
    }),
  );
}

const wantsSocket = /(?:^|\/)(?:gcb-docker-gcloud|docker|k8s-cloud-builder)(?::|@|$)/;
