import { createWriteStream, type WriteStream } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { printable } from "./log-text.ts";
import type { Terminal } from "./terminal.ts";

/** Who looks on while a build goes on. */
export interface BuildListener {
  onLog(line: Uint8Array, build?: string): void;
  end(): Promise<void>;
}

/**
 * Shows the log of a build on standard error, and writes a file for each variant into the log folder, as image-builder does:
 * `build.log`, or the variant's name.
 */
export async function listenToBuild(
  terminal: Terminal,
  {
    logDir,
    suppressLogs,
  }: { readonly logDir?: string | undefined; readonly suppressLogs?: boolean | undefined },
): Promise<BuildListener> {
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
    onLog(line, build) {
      const text = Buffer.from(line).toString("utf8").replace(/\n$/, "");
      if (suppressLogs !== true) terminal.note(printable(text, terminal.hasColor));
      if (logDir !== undefined) fileOf(logDir, build ?? "build").write(line);
    },
    async end() {
      await Promise.all(
        [...files.values()].map((file) => new Promise<void>((resolve) => file.end(() => resolve()))),
      );
    },
  };
}
