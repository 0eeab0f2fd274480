import { fstatSync, writeSync } from "node:fs";
import { diskFaultOf, errorCodeOf } from "../disk/index.ts";
import { WaybillError } from "../errors/index.ts";
import type { OutputStream, Surroundings } from "./terminal.ts";

/** This process as the place where a command runs. */
export interface StandardStreams extends Surroundings {
  /**
   * Resolves when everything that was printed has gone out, or has failed to: to the first failure. That a reader has
   * gone, as in `waybill plan … | head`, is none: the work goes on without it.
   */
  settled(): Promise<WaybillError | undefined>;
}

export function openStandardStreams(): StandardStreams {
  let failure: WaybillError | undefined;
  const failed = (name: string) => (cause: Error) => {
    if (errorCodeOf(cause) === "EPIPE") return;
    const { message, hint } = diskFaultOf(cause);
    const text = `the result cannot be written: ${message}`;
    failure ??= new WaybillError("output-unwritable", text, { where: name, hint, cause });
  };
  const stdout = openStream(process.stdout, failed("standard output"));
  const stderr = openStream(process.stderr, failed("standard error"));
  return {
    stdin: () => process.stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: process.env,
    async settled() {
      await Promise.all([stdout.settled(), stderr.settled()]);
      return failure;
    },
  };
}

interface OpenStream {
  readonly stream: OutputStream;
  settled(): Promise<void>;
}

function openStream(
  stream: NodeJS.WriteStream & { readonly fd: number },
  failed: (cause: Error) => void,
): OpenStream {
  if (isFile(stream.fd)) return { stream: fileStream(stream.fd, failed), settled: async () => {} };
  stream.on("error", failed);
  return { stream, settled: () => new Promise((resolve) => void stream.write("", () => resolve())) };
}

/** A file on a disk that is nearly full takes a part of what it is given: Node's own stream believes that it took all. */
function fileStream(descriptor: number, failed: (cause: Error) => void): OutputStream {
  let hasFailed = false;
  return {
    write(text) {
      const bytes = typeof text === "string" ? Buffer.from(text) : text;
      try {
        for (let at = 0; at < bytes.length && !hasFailed; ) at += writeSync(descriptor, bytes, at);
      } catch (error) {
        hasFailed = true;
        failed(error instanceof Error ? error : new Error(String(error)));
      }
    },
  };
}

function isFile(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isFile();
  } catch {
    return false;
  }
}
