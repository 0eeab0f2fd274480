import { failureRecord, messageOf } from "../errors/index.ts";
import { type BuildFolder, openBuildFolder } from "./build-folder.ts";
import type { BuildOutcome, PlannedBuild } from "./model.ts";
import { type BuildSite, carryOut } from "./one-build.ts";
import { checkUnchanged } from "./source.ts";
import { copySource } from "./source-copy.ts";

/** Carries out one build in a folder of its own, which is gone afterwards. Rejects never. */
export async function buildHere(planned: PlannedBuild, site: BuildSite): Promise<BuildOutcome> {
  const { name } = planned;
  try {
    const folder = await openBuildFolder();
    try {
      return await buildIn(folder, planned, site);
    } finally {
      // What was built is no worse for it.
      const told = (error: unknown) =>
        site.log(Buffer.from(`${folder.path} could not be removed: ${messageOf(error)}\n`), name);
      site.removing(folder.remove().catch(told));
    }
  } catch (error) {
    const status = site.signal.aborted ? "cancelled" : "failure";
    return { name, status, steps: [], failure: failureRecord(error) };
  }
}

/**
 * Steps get a copy of the source, even those that an engine does by itself: Buildah and Podman let a `RUN` write to what a
 * Dockerfile mounts with `rw`, and variants would see what is changed between one and the next.
 */
async function buildIn(folder: BuildFolder, planned: PlannedBuild, site: BuildSite): Promise<BuildOutcome> {
  const { plan, leaveOut, secrets, staging, signal, environment } = site;
  const { source } = plan;
  const { withGitDir } = source;
  if (!source.isOmitted) await copySource(source.folder, folder.workspace, { withGitDir, leaveOut, signal });
  // Steps need not wait for it; whoever pushes does.
  const sourceHeld = checkUnchanged(source, environment);
  sourceHeld.catch(() => undefined);
  const workspace = { source: folder.workspace, original: source.folder, folder, env: staging.env, secrets };
  return carryOut(planned, workspace, site, sourceHeld);
}
