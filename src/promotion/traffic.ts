import type { Listener } from "../events/index.ts";
import type { RegistryEvent, RequestKind } from "../registry/index.ts";
import type { PromotionEvent } from "./events.ts";

/** What went to and from one host. */
export interface HostTraffic {
  /** Requests by what they were for: the unit in which quotas are counted. */
  readonly requests: Readonly<Partial<Record<RequestKind, number>>>;
  /** Failures that another attempt was made for, or that did not matter, by their kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Milliseconds that the host was left alone because it asked for that. */
  readonly waited: number;
  /** Bytes of blobs that were read from it. */
  readonly bytesRead: number;
  /** Bytes of blobs on their way to it. */
  readonly bytesSent: number;
}

/** What a run cost, by host; `oci:` stands for folders. */
export interface Traffic {
  readonly hosts: Readonly<Record<string, HostTraffic>>;
}

/** Counts what registries and copying tell of themselves. */
export interface TrafficMeter {
  readonly listener: Listener<RegistryEvent | PromotionEvent>;
  read(): Traffic;
}

type Counters = { -readonly [Field in keyof HostTraffic]: HostTraffic[Field] };

/** A meter that stands at nothing. */
export function createTrafficMeter(): TrafficMeter {
  const hosts = new Map<string, Counters>();

  const of = (host: string): Counters => {
    const counters = hosts.get(host) ?? { requests: {}, faults: {}, waited: 0, bytesRead: 0, bytesSent: 0 };
    hosts.set(host, counters);
    return counters;
  };
  const count = (counts: Record<string, number>, what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };

  return {
    listener(event) {
      switch (event.type) {
        case "request":
          count(of(event.host).requests, event.kind);
          break;
        case "retry":
        case "overlooked":
          count(of(event.host).faults, event.fault);
          break;
        case "away":
          count(of(event.host).faults, event.failure.code);
          break;
        case "waiting":
        case "back":
          of(event.host).waited += event.milliseconds;
          break;
        case "read":
          of(hostOf(event.source)).bytesRead += event.bytes;
          break;
        case "bytes":
          of(hostOf(event.destination)).bytesSent += event.bytes;
      }
    },
    read: () => ({ hosts: Object.fromEntries(hosts) }),
  };
}

/** The host of an address such as `host:port/path`. */
function hostOf(address: string): string {
  return address.startsWith("oci:") ? "oci:" : (address.split("/", 1)[0] ?? address);
}
