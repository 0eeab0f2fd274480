import { createWriteStream, type WriteStream } from "node:fs";
import { join } from "node:path";
import type { PreparedBuild, RunBuildOptions } from "../builds/index.ts";
import { makeFolder } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import type { Run } from "../store/index.ts";
import { printBuildResult, statusOfBuild } from "./build-text.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { interruptible } from "./interruption.ts";
import { printable } from "./log-text.ts";
import { asJson, deliver } from "./output.ts";
import { networkFor, withProgress } from "./registries.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

interface AskedBuild extends Pick<RunBuildOptions, "job" | "type" | "refs" | "spec" | "secrets"> {
  /** Folder of records, and of the embedded registry. */
  readonly data: string;
  readonly prepare: (run: Run) => Promise<PreparedBuild>;
  readonly concurrency?: number;
  readonly logDir?: string | undefined;
  readonly suppressLogs?: boolean | undefined;
  readonly timeoutSeconds?: number | undefined;
}

/** Milliseconds of the longest timer, which is 24 days; one that asks for more is over at once. */
const maxTimer = 2 ** 31 - 1;

/** Is given when the time of a job is over, or when timers end. */
export function timeLimit(seconds: number): AbortSignal {
  return AbortSignal.timeout(Math.min(seconds * 1000, maxTimer));
}

/** Carries a build out, shows its log meanwhile, then what came of it. */
export async function runAskedBuild(session: Session, asked: AskedBuild): Promise<ExitCode> {
  const { terminal, env } = session;
  const { data, prepare, logDir, suppressLogs, timeoutSeconds, ...options } = asked;
  const { buildSigner, runBuild } = await import("../builds/index.ts");
  const settings = await session.settings();
  const network = await networkFor(session);
  const { openRunFolder } = await import("../store/index.ts");
  const listening = await listenToBuild(terminal, { logDir, suppressLogs });
  return interruptible(session, async (interruption) => {
    const { stop, cut } = interruption;
    const shown = { title: "Building", interruption, finishes: true, inLines: true };
    const result = await withProgress(session, shown, async (registries, progress) =>
      runBuild(prepare, {
        ...options,
        runs: openRunFolder(data),
        leaveOut: data,
        open: registries.repository,
        environment: env,
        network,
        signer: buildSigner({ settings, environment: env, network, signal: cut }),
        onLog: (lines, build) => {
          progress.heard();
          listening.onLog(lines, build);
        },
        signal: timeoutSeconds === undefined ? cut : AbortSignal.any([cut, timeLimit(timeoutSeconds)]),
        stop,
      }).finally(listening.end),
    );
    await deliver(session, { text: (shown) => printBuildResult(shown, result), json: () => asJson(result) });
    const isCancelled = stop.aborted && result.outcomes.some(({ status }) => status === "cancelled");
    return isCancelled ? exitCodes.interrupted : statusOfBuild(result);
  });
}

/**
 * Shows the log of a build on standard error, and writes a file for each variant into the log folder, as image-builder does:
 * `build.log`, or the variant's name.
 */
async function listenToBuild(
  terminal: Terminal,
  { logDir, suppressLogs }: Pick<AskedBuild, "logDir" | "suppressLogs">,
) {
  const files = new Map<string, WriteStream>();
  if (logDir !== undefined) await makeFolder(logDir);
  const fileOf = (folder: string, build: string): WriteStream => {
    const known = files.get(build);
    if (known !== undefined) return known;
    const opened = createWriteStream(join(folder, `${build.replaceAll("/", "-")}.log`), { flags: "a" });
    opened.on("error", (error) =>
      terminal.warn(`the log of ${build} cannot be written: ${messageOf(error)}`),
    );
    files.set(build, opened);
    return opened;
  };
  return {
    onLog(lines: Uint8Array, build?: string): void {
      const text = Buffer.from(lines).toString("utf8").replace(/\n$/, "");
      if (suppressLogs !== true) {
        for (const line of text.split("\n")) terminal.note(printable(line, terminal.hasColor));
      }
      if (logDir !== undefined) fileOf(logDir, build ?? "build").write(lines);
    },
    async end(): Promise<void> {
      await Promise.all(
        [...files.values()].map((file) => new Promise<void>((resolve) => file.end(() => resolve()))),
      );
    },
  };
}
