import { join } from "node:path";
import { failureRecord } from "../errors/index.ts";
import { openBuildFolder } from "./build-folder.ts";
import type { BuildOutcome, BuildSource, PlannedBuild } from "./model.ts";
import { type BuildSite, carryOut } from "./one-build.ts";
import { copySource, holdsNoGit } from "./source-copy.ts";

/** What a build on this machine shares with the others of its run. */
export interface HereSite extends Omit<BuildSite, "objectsFolder"> {
  readonly source: BuildSource;
  /** Where files that builds keep go, each into a folder of its own. */
  readonly objects: string;
  readonly secrets: ReadonlyMap<string, string>;
  /** Variables that every step has. */
  readonly env: Readonly<Record<string, string>>;
  /** Takes the end of what goes on when a build is over: a store of an engine may have many files to remove. */
  removing(removal: Promise<void>): void;
}

/** Carries out one build in a folder of its own, which is gone afterwards. Rejects never. */
export async function buildHere(planned: PlannedBuild, site: HereSite): Promise<BuildOutcome> {
  const { secrets, env, signal } = site;
  const folder = await openBuildFolder();
  try {
    const source = await sourceFor(planned, site, folder.workspace);
    const objectsFolder = join(site.objects, planned.name.replaceAll("/", "-"));
    const outcome = await carryOut(planned, { source, folder, env, secrets }, { ...site, objectsFolder });
    return inSource(outcome, folder.workspace, site.source.folder);
  } catch (error) {
    const status = signal.aborted ? "cancelled" : "failure";
    return { name: planned.name, status, steps: [], failure: failureRecord(error) };
  } finally {
    site.removing(folder.remove());
  }
}

/** Native builds only read: where a copy would be the same, they read the source itself. */
async function sourceFor(
  planned: PlannedBuild,
  { source, signal }: HereSite,
  workspace: string,
): Promise<string> {
  if (source.isOmitted) return workspace;
  const { withGitDir } = source;
  const readsOnly =
    planned.build.objects === undefined && planned.actions.every(({ kind }) => kind === "native");
  if (readsOnly && (withGitDir || (await holdsNoGit(source.folder)))) return source.folder;
  await copySource(source.folder, workspace, { withGitDir, signal });
  return workspace;
}

/** Where something went wrong, as people know the place: the workspace is gone by then. */
function inSource(outcome: BuildOutcome, workspace: string, source: string): BuildOutcome {
  const { failure } = outcome;
  if (!failure?.where?.startsWith(`${workspace}/`)) return outcome;
  return { ...outcome, failure: { ...failure, where: join(source, failure.where.slice(workspace.length)) } };
}
