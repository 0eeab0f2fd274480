import type { RecordedRun, RunRefs } from "../store/index.ts";
import { historySchema } from "./documents.ts";
import type { Server } from "./server.ts";

/** What a history needs of a run. */
export type AnsweredHistory = Pick<
  RecordedRun,
  "job" | "id" | "startedAt" | "finishedAt" | "result" | "refs" | "revision"
>;

const maxPage = 500;

/** The runs of a job that began since a time, and those that have not begun, the newest first. @throws {ClientError}. */
export async function* serverHistory(
  server: Server,
  job: string,
  since: Date,
): AsyncGenerator<AnsweredHistory, void> {
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(maxPage), job });
    if (after !== undefined) query.set("after", after);
    const { items, next } = await server.get(`/runs?${query}`, historySchema);
    for (const run of items) {
      // Its id is as old as its being asked for, which comes before its start.
      if (run.askedAt < since && (run.startedAt === undefined || run.startedAt < since)) return;
      const { id, result, startedAt, endedAt: finishedAt, revision } = run;
      yield {
        ...{ id, job, startedAt, finishedAt, revision, refs: refsOf(run) },
        result: result === "ERROR" ? "FAILURE" : (result ?? "PENDING"),
      };
    }
    after = next;
  } while (after !== undefined);
}

type HistoryItem = Awaited<ReturnType<typeof historySchema.parse>>["items"][number];

/** What it is about, in Prow's words. What a clock has started is about no push. */
function refsOf({ type, repo, ref, commit, revision, pull }: HistoryItem): RunRefs | undefined {
  if (type === "periodic" || repo === undefined || ref === undefined) return undefined;
  const [org = "", name = ""] = repo
    .replace(/\.git$/, "")
    .split(/[/:]/)
    .slice(-2);
  return {
    ...{
      org,
      repo: name,
      base_ref: ref.replace(/^refs\/(?:heads|tags)\//, ""),
      base_sha: revision ?? commit,
    },
    ...(pull === undefined ? {} : { pulls: [{ number: pull, sha: commit ?? revision ?? "" }] }),
  };
}
