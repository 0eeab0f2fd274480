import type { AnsweredRun, AskedDocument, Server } from "../client/index.ts";
import { harmless } from "../errors/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import { withConnection, withServerAlone } from "./server.ts";
import type { Session } from "./session.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const runArgument = "a job, which means its newest run; an id, or JOB/ID";

const define = (command: Blank) => withServerAlone(command).argument("<run>", runArgument);

const exits = { [exitCodes.asDesired]: "the server has done it", [exitCodes.nothingDone]: "it has not" };
const server = "--server https://waybill.example.org";

export const rerunVerb = verb({
  name: "rerun",
  summary: "have a server run the same once more",
  examples: [[`waybill runs rerun push-snoopdb ${server}`, "what the newest run of a job was asked for"]],
  exits,
  page: "server-api.md",
  define,
  run: (session, name, { server: url }) =>
    withConnection(session, url, async (opened) => {
      const { rerun } = await import("../client/index.ts");
      return printAsked(session, opened, await rerun(opened, name));
    }),
});

const defineAbort = (command: Blank) =>
  define(command).addOption(how.common("--why <text>", "why, for those who look at the run"));

export const abort = verb({
  name: "abort",
  summary: "have a server stop a run, whether it waits or runs",
  examples: [[`waybill runs abort 1384977461019676672 ${server} --why 'wrong tag'`, "the run of an id"]],
  exits,
  page: "server-api.md",
  define: defineAbort,
  run: (session, name, options: OptionsOf<typeof defineAbort>) =>
    changed(session, options.server, async (opened) => {
      const { abortRun } = await import("../client/index.ts");
      return abortRun(opened, name, options.why);
    }),
});

export const release = verb({
  name: "release",
  summary: "have a server let a held run have its turn",
  examples: [[`waybill runs release promote ${server}`, "the newest run of a job"]],
  exits,
  page: "server-api.md",
  define,
  run: (session, name, { server: url }) =>
    changed(session, url, async (opened) => {
      const { releaseRun } = await import("../client/index.ts");
      return releaseRun(opened, name);
    }),
});

/** Changes a run and prints how it is now. */
function changed(
  session: Session,
  url: string,
  change: (server: Server) => Promise<AnsweredRun>,
): Promise<ExitCode> {
  return withConnection(session, url, async (opened) => {
    const run = await change(opened);
    await deliver(session, {
      text: async (terminal) => {
        // A worker that has been told to stop ends what it has begun.
        const isStopping = run.state === "running" && run.abort !== undefined;
        const state = run.result ?? (isStopping ? "stopping" : run.state);
        terminal.print(`${state} ${harmless(run.job)}/${run.id}`);
      },
      json: () => asJson({ format: "waybill-changed-run/1", ...run }),
    });
    return exitCodes.asDesired;
  });
}

/** Prints the run that a server was asked for. */
export async function printAsked(session: Session, { url }: Server, asked: AskedDocument): Promise<ExitCode> {
  await deliver(session, {
    text: async (terminal) => {
      terminal.print(`${asked.state} ${asked.id}`);
      if (asked.outcome === "coalesced") {
        terminal.note("a run of the same was waiting already: it has one more reason now");
      }
      terminal.note(`see its log: waybill runs log ${asked.id} --follow --server ${url}`);
    },
    json: () => asJson({ format: "waybill-asked-run/1", ...asked }),
  });
  return exitCodes.asDesired;
}
