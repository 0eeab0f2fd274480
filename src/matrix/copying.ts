import type { CopyEvent } from "../copy/index.ts";
import type { ProgressEvent } from "../events/index.ts";
import type { RegistryEvent } from "../registry/index.ts";
import type { CopyingHost, CopyingImage, CopyingNow } from "./model.ts";

/** What a run tells that says how far copying is. */
export type CopyingEvent =
  | ProgressEvent
  | Exclude<CopyEvent, { readonly type: "left-behind" | "manifest-put" }>
  | Extract<RegistryEvent, { readonly type: "retry" | "waiting" | "away" | "back" }>;

/** Milliseconds of the newest past that a rate is taken from. */
const memory = 3_000;
/** Images that are shown. */
const mostImages = 50;

/** What is being copied, as far as it was told: it holds what is under way, and nothing of what is over. */
export class Copying {
  readonly #now: () => number;
  readonly #images = new Map<string, Map<string, Transfers>>();
  /** By destination and digest, blobs that are under way. */
  readonly #blobs = new Map<string, { readonly of: Transfers; readonly size: number; sent: number }>();
  readonly #hosts = new Map<string, Host>();
  readonly #sent = new Rate();
  #planning: CopyingNow["planning"];

  /** @param now Milliseconds of the day's clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  hear(event: CopyingEvent): void {
    switch (event.type) {
      case "progress":
        this.#planning = { done: event.done, total: event.total };
        break;
      case "image-started":
        this.#imageOf(event.digest);
        break;
      case "blob-started": {
        const image = this.#imageOf(event.image);
        const transfers = image.get(event.destination) ?? { done: 0, total: 0, rate: new Rate() };
        image.set(event.destination, transfers);
        transfers.total += event.size;
        this.#blobs.set(keyOf(event), { of: transfers, size: event.size, sent: 0 });
        break;
      }
      case "bytes": {
        const now = this.#now();
        const blob = this.#blobs.get(keyOf(event));
        if (blob !== undefined) {
          // What is sent again, after a connection that broke, is no more of the blob.
          const more = Math.min(event.bytes, blob.size - blob.sent);
          blob.sent += more;
          blob.of.done += more;
          blob.of.rate.add(now, event.bytes);
        }
        const host = this.#hostOf(hostOf(event.destination));
        host.sent += event.bytes;
        host.rate.add(now, event.bytes);
        this.#sent.add(now, event.bytes);
        break;
      }
      case "read":
        this.#hostOf(hostOf(event.source)).read += event.bytes;
        break;
      case "blob-finished":
      case "blob-failed": {
        const blob = this.#blobs.get(keyOf(event));
        if (blob === undefined) break;
        this.#blobs.delete(keyOf(event));
        if (event.type === "blob-finished") blob.of.done += blob.size - blob.sent;
        break;
      }
      case "retry": {
        const { attempt, of = attempt + 1, reason, waitMilliseconds } = event;
        const until = this.#now() + waitMilliseconds;
        this.#hostOf(event.host).retry = {
          attempt: attempt + 1,
          of: Math.max(of, attempt + 1),
          reason: cut(reason),
          until,
        };
        break;
      }
      case "waiting":
        this.#hostOf(event.host).waits = {
          for: "pause",
          reason: cut(event.reason),
          until: this.#now() + event.milliseconds,
        };
        break;
      case "away":
        this.#hostOf(event.host).waits = {
          for: "answer",
          reason: cut(event.failure.message),
          until: undefined,
        };
        break;
      case "back":
        this.#hostOf(event.host).waits = undefined;
        break;
    }
  }

  /** The plan is made. */
  planned(): void {
    this.#planning = undefined;
  }

  /** An image has arrived everywhere, or will not. */
  over(digest: string): void {
    for (const transfers of this.#images.get(digest)?.values() ?? []) {
      for (const [key, blob] of this.#blobs) if (blob.of === transfers) this.#blobs.delete(key);
    }
    this.#images.delete(digest);
  }

  /** @param nameOf What an image is called. */
  read(nameOf: (digest: string) => string): CopyingNow {
    const now = this.#now();
    const images = [...this.#images].slice(0, mostImages).map(
      ([digest, destinations]): CopyingImage => ({
        digest,
        name: nameOf(digest),
        destinations: [...destinations].map(([name, { done, total, rate }]) => {
          return { name, done, total, rate: rate.at(now) };
        }),
      }),
    );
    const hosts = [...this.#hosts].map(([host, { sent, read, rate, waits, retry }]): CopyingHost => {
      const isWaiting = waits !== undefined && (waits.until === undefined || waits.until > now);
      const isRetrying = retry !== undefined && retry.until + memory > now;
      return {
        ...{ host, sent, read, rate: rate.at(now) },
        waits: isWaiting ? { ...waits, until: momentOf(waits.until) } : undefined,
        retry: isRetrying ? { ...retry, until: new Date(retry.until).toISOString() } : undefined,
      };
    });
    return {
      at: new Date(now).toISOString(),
      planning: this.#planning,
      images,
      more: this.#images.size - images.length,
      hosts: hosts.sort((one, other) => (one.host < other.host ? -1 : 1)),
      sent: this.#sent.total,
      rate: this.#sent.at(now),
    };
  }

  #imageOf(digest: string): Map<string, Transfers> {
    const image = this.#images.get(digest) ?? new Map<string, Transfers>();
    this.#images.set(digest, image);
    return image;
  }

  #hostOf(host: string): Host {
    const known = this.#hosts.get(host) ?? {
      ...{ sent: 0, read: 0, rate: new Rate(), waits: undefined, retry: undefined },
    };
    this.#hosts.set(host, known);
    return known;
  }
}

/** What goes to one destination for one image. */
interface Transfers {
  done: number;
  total: number;
  readonly rate: Rate;
}

interface Host {
  sent: number;
  read: number;
  readonly rate: Rate;
  waits: { for: "pause" | "answer"; reason: string; until: number | undefined } | undefined;
  retry: { attempt: number; of: number; reason: string; until: number } | undefined;
}

/** Bytes in a second, of the last ones. */
class Rate {
  total = 0;
  /** Sums by quarters of a second, so that many small pieces take no more room than few. */
  #steps: { readonly at: number; bytes: number }[] = [];

  add(now: number, bytes: number): void {
    this.total += bytes;
    const at = now - (now % 250);
    const last = this.#steps.at(-1);
    if (last?.at === at) last.bytes += bytes;
    else this.#steps.push({ at, bytes });
    if (this.#steps.length > memory / 250 + 2) this.#steps.shift();
  }

  at(now: number): number {
    this.#steps = this.#steps.filter(({ at }) => at > now - memory);
    const [first] = this.#steps;
    if (first === undefined) return 0;
    const bytes = this.#steps.reduce((sum, step) => sum + step.bytes, 0);
    return Math.round((1000 * bytes) / Math.max(1000, now - first.at));
  }
}

function keyOf({ destination, digest }: { readonly destination: string; readonly digest: string }): string {
  return `${destination} ${digest}`;
}

function hostOf(repository: string): string {
  return repository.split("/", 1)[0] ?? repository;
}

/** What hosts say is as long as they like. */
function cut(reason: string): string {
  return reason.length > 300 ? `${reason.slice(0, 300)}…` : reason;
}

function momentOf(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}
