import type { Readable, Writable } from "node:stream";

/** What happens to a body on its way, before the byte with a number. */
export interface Injury {
  readonly body: "request" | "answer";
  readonly at: number;
  /** The connection breaks, or ends as if that had been all, or the byte is another one. */
  readonly how: "break" | "end" | "flip";
}

/** Passes a body on; `end` ends both connections, once what came before the injury has passed. */
export function passInjured(
  from: Readable,
  to: Writable,
  injury: Injury | undefined,
  end: (how: "break" | "end") => void,
): void {
  let position = 0;
  let over = false;
  from.on("data", (chunk: Buffer) => {
    if (over) return;
    const index = injury === undefined ? -1 : injury.at - position;
    position += chunk.length;
    if (injury !== undefined && index >= 0 && index < chunk.length) {
      const { how } = injury;
      if (how !== "flip") {
        over = true;
        return void to.write(chunk.subarray(0, index), () => end(how));
      }
      chunk.writeUInt8(chunk.readUInt8(index) ^ 1, index);
    }
    if (!to.write(chunk)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("end", () => {
    if (!over) to.end();
  });
}
