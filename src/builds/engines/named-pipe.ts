import { close, constants, open } from "node:fs";
import { Socket } from "node:net";
import { promisify } from "node:util";

/** A pipe with a name, which is read. */
export interface ReadPipe {
  /** Resolves when all that wrote to it have closed it, or do not for a while. */
  end(): Promise<void>;
}

/** Time that a process which was left behind may keep a pipe open, once its end is waited for. */
const lingerMilliseconds = 2_000;

/**
 * Reads the named pipe at a path, for any number of writers.
 * @param output Takes what is written to it, as it comes.
 */
export async function readPipe(path: string, output: (chunk: Buffer) => void): Promise<ReadPipe> {
  const opened = promisify(open);
  const reader = await opened(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // While one writer stays, that the others have gone is no end.
  const writer = await opened(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const socket = new Socket({ fd: reader, readable: true, writable: false });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  // What it was, nobody can say better than the end of the output does.
  socket.on("error", () => undefined);
  socket.on("data", output);
  return {
    async end() {
      await promisify(close)(writer);
      const linger = setTimeout(() => socket.destroy(), lingerMilliseconds);
      await closed;
      clearTimeout(linger);
    },
  };
}
