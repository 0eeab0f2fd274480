import { stat } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { dirname, resolve } from "node:path";
import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { Recording } from "../recording/index.ts";
import type { RunEnd, RunHead } from "../store/index.ts";
import { type ExitCode, exitCodes, withSomethingUnwritten } from "./exit-codes.ts";
import { Interrupted } from "./interruption.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { how, type None, type OptionsOf, out, unrecorded } from "./verb.ts";

/** Adds the option that has a run recorded. */
export function withRecord<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return command.addOption(
    unrecorded(
      out("--record [folder]", "record the run: in this folder, or where runs are recorded by default"),
    ),
  );
}

/** Adds the option that says where the records of runs are. */
export function withDataFolder<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return command.addOption(
    unrecorded(
      how(
        "--data-dir <dir>",
        "folder of records, and of the embedded registry; $WAYBILL_DATA or ~/.local/share/waybill by default",
      ),
    ),
  );
}

/** Where records are: as the command line says, `$WAYBILL_DATA`, the settings, or in the user's folder for data. */
export async function dataFolder(session: Session, named: string | undefined): Promise<string> {
  if (named !== undefined) return resolve(named);
  const { defaultDataFolder } = await import("../store/index.ts");
  const configured = session.env.WAYBILL_DATA ? undefined : (await session.settings()).runs.folder;
  return configured ?? defaultDataFolder(session.env);
}

/** What a command is about, as its record says. */
type Subject = Pick<RunHead, "subject"> & {
  /** A folder or file whose commit is recorded, when Git has it as it is. */
  readonly checkout?: string | undefined;
};

/**
 * Does the work of a command and, where the command line or the settings say so, records it: what it says, its events, its plan
 * and its report. That something could not be recorded is said, and changes only the exit code of work that went well.
 */
export async function recorded(
  session: Session,
  { record }: OptionsOf<typeof withRecord<[], None>>,
  { subject, checkout }: Subject,
  work: (session: Session, recording: Recording) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { noRecording, startRecording } = await import("../recording/index.ts");
  if (record === undefined && !(await session.settings()).runs.record) return work(session, noRecording);
  const { openRunFolder } = await import("../store/index.ts");
  const { terminal } = session;
  const store = openRunFolder(await dataFolder(session, record === true ? undefined : record));
  const commit = checkout === undefined ? undefined : await commitOf(checkout, session);
  const { verb, options } = session.line;
  const head = { verb, options, subject, by: whoIsIt(session), commit };
  const recording = await startRecording(store, head, (reason) =>
    terminal.warn(`the run cannot be recorded: ${reason}`),
  );
  try {
    const status = await work({ ...session, terminal: loggedTerminal(terminal, recording) }, recording);
    await recording.end(resultOf(status), { status });
    return recording.isWhole ? status : withSomethingUnwritten(status);
  } catch (thrown) {
    const isStopped =
      thrown instanceof Interrupted || (thrown instanceof Error && thrown.name === "AbortError");
    await recording.end(isStopped ? "ABORTED" : "FAILURE", { thrown });
    throw thrown;
  }
}

function resultOf(status: ExitCode): RunEnd["result"] {
  if (status === exitCodes.interrupted) return "ABORTED";
  return status === exitCodes.asDesired ? "SUCCESS" : "FAILURE";
}

/** The terminal, with all that is said on it in the log as well. */
function loggedTerminal(terminal: Terminal, { log }: Recording): Terminal {
  const both =
    (say: (text: string) => void, mark = ""): ((text: string) => void) =>
    (text) => {
      log(`${mark}${text}`);
      say(text);
    };
  return {
    ...terminal,
    print: both(terminal.print),
    note: both(terminal.note),
    say: both(terminal.say),
    warn: both(terminal.warn, "warning: "),
  };
}

function whoIsIt({ env }: Session): string {
  const user = env.USER || env.LOGNAME || nameOfUser();
  return `${user}@${hostname()}`;
}

function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A number without a name, as containers have.
    return String(process.getuid?.() ?? "somebody");
  }
}

/** The commit that a checkout is at; `undefined` when it is none, or files of it are not as they were committed. */
async function commitOf(path: string, { env }: Session): Promise<string | undefined> {
  const { describeCheckout, GitError } = await import("../git/index.ts");
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  try {
    const { commit, isDirty } = await describeCheckout(isFolder ? path : dirname(path), {}, env);
    return isDirty ? undefined : commit;
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}
