import { basename } from "node:path";
import { packTar } from "modern-tar/fs";
import { failureRecord, messageOf } from "../errors/index.ts";
import type { Network } from "../http/index.ts";
import { parseRepository } from "../oci/index.ts";
import type { BuildSite } from "./build-here.ts";
import { splitImageName } from "./destination.ts";
import { type CloudBuildEnd, runOnCloudBuild } from "./engines/gcb.ts";
import { BuildError } from "./errors.ts";
import { googleTokens } from "./google-token.ts";
import type { BuildOutcome, GoogleService, PlannedBuild } from "./model.ts";
import type { PreparedBuild } from "./plan.ts";
import { createStepLog } from "./step-log.ts";

/** What a build on Google's service shares with the others of its run. */
export interface GoogleSite
  extends Pick<BuildSite, "ledger" | "environment" | "leaveOut" | "open" | "log" | "signal"> {
  readonly prepared: PreparedBuild;
  /** How the service is reached; by the environment of this process without it. */
  readonly network?: Network | undefined;
  /** Where the service is; tests have their own. */
  readonly service?: GoogleService | undefined;
}

/**
 * Gives one build to Cloud Build, with the file as it is and the substitutions beside it, and waits for its end. What the
 * service says that it pushed stands in the ledger. Never rejects: what went wrong is in what it returns.
 */
export async function buildOnGoogle(planned: PlannedBuild, site: GoogleSite): Promise<BuildOutcome> {
  const { name } = planned;
  const variant = site.prepared.plan.builds.length > 1 ? `[${name}] ` : "";
  const log = createStepLog(variant, (lines) => site.log(lines, name));
  try {
    const end = await runOnCloudBuild(requestOf(planned, site), {
      ...site.service,
      token: googleTokens(site.environment, site.signal),
      network: site.network,
      output: (chunk) => log.write(chunk),
      signal: site.signal,
    });
    for (const image of end.images) await record(image, planned, site);
    const { images: _, ...outcome } = end;
    return { name, ...outcome };
  } catch (error) {
    const status = site.signal.aborted ? "cancelled" : "failure";
    return { name, status, steps: [], failure: failureRecord(error) };
  } finally {
    log.end();
  }
}

function requestOf(planned: PlannedBuild, { prepared, leaveOut }: GoogleSite) {
  const { plan, file, google, project } = prepared;
  if (project === undefined) {
    throw new BuildError("cloud-build-refused", "Cloud Build has to know in which project it builds", {
      hint: "name it with --project",
    });
  }
  const { folder, withGitDir, isOmitted } = plan.source;
  const source = () =>
    packTar(folder, { filter: (path) => path !== leaveOut && (withGitDir || basename(path) !== ".git") });
  return {
    ...google,
    document: file.document,
    substitutions: planned.given,
    project,
    source: isOmitted ? undefined : source,
  };
}

/** The service names a tag and a digest; the registry knows the rest. */
async function record(
  image: CloudBuildEnd["images"][number],
  { name: build }: PlannedBuild,
  { ledger, open, log }: GoogleSite,
): Promise<void> {
  const { digest } = image;
  try {
    const { repository, tag } = splitImageName(image.name);
    const found = await open(parseRepository(repository)).resolve(digest);
    if (found === undefined) throw new Error("the registry does not have it");
    const { mediaType, size } = found;
    ledger.add({ build, name: repository, repository, tag, digest, mediaType, size, by: "step" });
  } catch (error) {
    const text = `Cloud Build says that it pushed ${image.name}@${digest}, and nobody confirms it: ${messageOf(error)}`;
    log(Buffer.from(`${text}\n`), build);
  }
}
