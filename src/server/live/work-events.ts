import type { LogBatch } from "../../store/index.ts";
import type { BatchTeller, ListenerVoice } from "./log-events.ts";
import { encodeEvent, encodeId } from "./sse.ts";

const newline = 10;
/** Bytes of one event; what is longer is left out. */
const maxEvent = 1024 * 1024;

/**
 * The events of a run as a listener gets them: `events` with an array of those that were written together, and `skipped-events` with a
 * number of bytes that it was too slow for. An event whose bytes came in two batches is told whole.
 */
export class WorkEvents implements BatchTeller {
  readonly #voice: ListenerVoice;
  /** The beginning of an event. */
  #rest: Uint8Array = new Uint8Array();
  /** Whether what comes first is the end of an event whose beginning nobody has. */
  #isTorn: boolean;

  /** @param isTorn Whether it may begin somewhere in an event. */
  constructor(voice: ListenerVoice, isTorn: boolean) {
    this.#voice = voice;
    this.#isTorn = isTorn;
  }

  add({ bytes, offset, skipped }: LogBatch): void {
    const { tell, idAt } = this.#voice;
    if (skipped > 0) {
      [this.#rest, this.#isTorn] = [new Uint8Array(), true];
      tell(encodeEvent({ event: "skipped-events", data: String(skipped) }));
    }
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const begin = this.#isTorn ? all.indexOf(newline) + 1 : 0;
    const end = all.lastIndexOf(newline) + 1;
    if (end > 0) this.#isTorn = false;
    this.#rest = new Uint8Array(all.subarray(end));
    if (this.#rest.length > maxEvent) [this.#rest, this.#isTorn] = [new Uint8Array(), true];
    const events = end > begin ? Buffer.from(all.subarray(begin, end)).toString("utf8").split("\n") : [];
    const whole = events.map(eventIn).filter((event) => event !== undefined);
    if (whole.length === 0) return;
    tell(encodeId(idAt(offset - (all.length - end))));
    tell(encodeEvent({ event: "events", data: `[${whole.join(",")}]` }));
  }

  end(): void {
    this.#rest = new Uint8Array();
  }
}

/** The event of a line, as JSON of one line; `undefined` for what is none. */
function eventIn(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "type" in value ? JSON.stringify(value) : undefined;
  } catch {
    return undefined;
  }
}
