import type { PromotionEvent, VerificationEvent } from "../promotion/index.ts";
import type { HostWork } from "../registry/index.ts";
import { amount } from "./amount.ts";

export type MeasuredEvent = PromotionEvent | VerificationEvent;

/** Milliseconds of the newest past that a rate is taken from. */
const memory = 20_000;

interface Transfer {
  readonly digest: string;
  readonly host: string;
  readonly size: number;
  sent: number;
}

interface Wait {
  readonly text: string;
  readonly until: number;
}

/** How far the work has come, in the words of its line. It knows what it was told, and what time it is. */
export class ProgressTally {
  title = "";
  readonly #now: () => number;
  #done = 0;
  #total = 0;
  /** Bytes of blobs that are over, and of those that are under way. */
  #arrived = 0;
  #expected = 0;
  #imagesBegun = 0;
  #images = 0;
  readonly #transfers = new Map<string, Transfer>();
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];
  readonly #waits = new Map<string, Wait>();
  #underWay: () => readonly HostWork[] = () => [];

  /** @param now Milliseconds of the day's clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param images How many images bytes will be asked for of: until all are begun, sums of bytes may grow. */
  begin(title: string, total: number, images: number): void {
    this.title = title;
    this.#done = 0;
    this.#total = total;
    this.#images = images;
  }

  hear(event: MeasuredEvent): void {
    switch (event.type) {
      case "progress":
        this.#done = event.done;
        this.#total = event.total;
        break;
      case "image-started":
        this.#imagesBegun += 1;
        break;
      case "blob-started": {
        const { digest, size, destination } = event;
        this.#transfers.set(`${destination} ${digest}`, { digest, size, host: hostOf(destination), sent: 0 });
        this.#expected += size;
        break;
      }
      case "bytes": {
        const transfer = this.#transfers.get(`${event.destination} ${event.digest}`);
        if (transfer !== undefined) transfer.sent += event.bytes;
        this.#sample(event.bytes);
        break;
      }
      case "blob-finished":
        this.#transfers.delete(`${event.destination} ${event.digest}`);
        if (event.outcome === "pushed") this.#arrived += event.size;
        else this.#expected -= event.size;
        break;
      case "blob-failed":
        this.#transfers.delete(`${event.destination} ${event.digest}`);
        this.#expected -= event.size;
        break;
      case "bytes-read":
        this.#arrived = event.done;
        this.#expected = event.total;
        this.#sample(event.more);
    }
  }

  watch(underWay: () => readonly HostWork[]): void {
    this.#underWay = underWay;
  }

  waits(text: string, milliseconds: number): void {
    this.#waits.set(text, { text, until: this.#now() + milliseconds });
  }

  /** The whole line, for a log. */
  inLog(): string {
    const parts = [this.#counts(), ...this.#bytes()].filter((part) => part !== "");
    const more = [this.describe(), ...this.#waiting()].filter((part) => part !== undefined);
    const head = parts.length === 0 ? this.title : `${this.title}: ${parts.join(", ")}`;
    return [head, ...more].join("; ");
  }

  /** What stands behind the counts, for a terminal. */
  onTerminal(): string {
    const [wait] = this.#waiting();
    const parts = [...this.#bytes(), wait ?? this.describe() ?? ""];
    return parts
      .filter((part) => part !== "")
      .map((part) => `  ${part}`)
      .join("");
  }

  /** What is moving, or who is waited for; `undefined` when nothing is under way. */
  describe(): string | undefined {
    return this.#moving() ?? this.#asking();
  }

  #counts(): string {
    return this.#total > 1 ? `${this.#done} of ${this.#total}` : "";
  }

  #bytes(): string[] {
    if (this.#expected === 0) return [];
    let sent = this.#arrived;
    for (const transfer of this.#transfers.values()) sent += Math.min(transfer.sent, transfer.size);
    const isWhole = this.#imagesBegun >= this.#images;
    const sum = `${formatBytes(sent)} of ${formatBytes(this.#expected)}${isWhole ? "" : " so far"}`;
    const rate = this.#rate();
    if (rate === 0) return [sum];
    const left = formatSeconds((this.#expected - sent) / rate);
    const words = sent >= this.#expected ? [] : [`${isWhole ? "" : "more than "}${left} left`];
    return [sum, `${formatBytes(rate)}/s`, ...words];
  }

  /** The largest of the blobs that are on their way, and how many others there are. */
  #moving(): string | undefined {
    const moving = [...this.#transfers.values()].filter(({ sent }) => sent > 0);
    const [first, ...others] = moving.sort((one, other) => other.size - one.size);
    if (first === undefined) return undefined;
    const { digest, host, sent, size } = first;
    const name = digest.slice(0, digest.indexOf(":") + 13);
    const words = `${name} to ${host} (${formatBytes(Math.min(sent, size))} of ${formatBytes(size)})`;
    if (others.length === 0) return words;
    const hosts = new Set(moving.map((transfer) => transfer.host)).size;
    return `${words} and ${amount(others.length, "more blob")}${hosts === 1 ? "" : ` to ${hosts} hosts`}`;
  }

  /** Those who owe an answer, the one first that has for the longest time. */
  #asking(): string | undefined {
    const hosts = [...this.#underWay()].sort((one, other) => one.since - other.since);
    const [first, ...others] = hosts;
    if (first === undefined) return undefined;
    const { host, count, since } = first;
    const words = `${amount(count, "answer")} of ${host} for ${formatSeconds((this.#now() - since) / 1000)}`;
    return others.length === 0 ? words : `${words} and ${amount(others.length, "more host")}`;
  }

  #waiting(): string[] {
    const now = this.#now();
    for (const [key, { until }] of this.#waits) if (until <= now) this.#waits.delete(key);
    return [...this.#waits.values()].map(({ text, until }) => `${text} until ${timeOfDay(until)}`);
  }

  #sample(bytes: number): void {
    const now = this.#now();
    const last = this.#samples.at(-1);
    // One sample for each half second: bytes come in thousands of small pieces.
    if (last !== undefined && now - last.at < 500) {
      this.#samples[this.#samples.length - 1] = { at: last.at, bytes: last.bytes + bytes };
    } else this.#samples.push({ at: now, bytes });
    while (this.#samples.length > 1 && now - (this.#samples[0]?.at ?? now) > memory) this.#samples.shift();
  }

  /** Bytes a second; 0 when nothing has moved of late. */
  #rate(): number {
    const now = this.#now();
    const recent = this.#samples.filter(({ at }) => now - at <= memory);
    const [first] = recent;
    if (first === undefined) return 0;
    const bytes = recent.reduce((sum, sample) => sum + sample.bytes, 0);
    return Math.round((bytes * 1000) / Math.max(1000, now - first.at));
  }
}

/** The host of an address such as `host:port/path`. */
function hostOf(address: string): string {
  return address.split("/", 1)[0] ?? address;
}

function timeOfDay(milliseconds: number): string {
  return new Date(milliseconds).toTimeString().slice(0, 8);
}

function formatSeconds(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}

/** Bytes as people read them, in binary units. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`;
}
