import { harmless } from "../errors/index.ts";
import type { JobDiagnostic, JobList, LocatedJob } from "../jobs/index.ts";
import type { ExitCode } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import type { StartOptions } from "./jobs.ts";
import { printAsked } from "./runs-server.ts";
import { withConnection } from "./server.ts";
import type { Session } from "./session.ts";

/** The jobs of a server, as those of a folder are read. */
export function jobsOfServer(session: Session, url: string): Promise<JobList> {
  return withConnection(session, url, async (server) => {
    const { serverJobs } = await import("../client/index.ts");
    const { jobOfDocument } = await import("../jobs/index.ts");
    const { jobs, problems, trouble } = await serverJobs(server);
    if (trouble !== undefined) {
      session.terminal.warn(harmless(`all jobs are those of an earlier time: ${trouble.message}`));
      session.terminal.note(harmless(trouble.hint));
    }
    const diagnostics = problems.map(
      ({ line, column, ...found }): JobDiagnostic => ({ code: "job", ...found, at: { line, column } }),
    );
    const located = jobs.map(({ job, file, line }): LocatedJob => ({ job: jobOfDocument(job), file, line }));
    return { jobs: located, diagnostics };
  });
}

/** What says how this machine runs a job. */
const ownOptions = ["before", "force", "dryRun", "engine", "pushTo", "secret", "dataDir"] as const;

/** Has a server run a job. */
export function runAtServer(
  session: Session,
  url: string,
  name: string,
  options: StartOptions,
): Promise<ExitCode> {
  if (ownOptions.some((option) => options[option] !== undefined)) {
    throw new UsageError(
      "--server has the server run the job, as its settings say",
      "leave out what says how it is run here; --ref goes with it",
    );
  }
  return withConnection(session, url, async (server) => {
    const { startJob } = await import("../client/index.ts");
    return printAsked(session, server, await startJob(server, name, options.ref));
  });
}
