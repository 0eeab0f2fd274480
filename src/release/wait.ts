import { setTimeout as sleep } from "node:timers/promises";
import type { Diagnostic } from "../diagnostics/index.ts";
import type { Selected } from "../edges/index.ts";
import type { FailureRecord } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import type { ManifestTree } from "../manifest/index.ts";
import { type RepositoryName, splitRepository } from "../oci/index.ts";
import {
  type AbsentEdge,
  countExpected,
  expectationOf,
  isInterrupted,
  lookForArrivals,
  type OpenRepository,
  type ScopeOptions,
  scopeOf,
  unreadEdges,
} from "../promotion/index.ts";

/** What to wait for, and how long. */
export interface WaitOptions extends ScopeOptions {
  readonly tree: ManifestTree;
  readonly open: OpenRepository;
  /** Milliseconds after which it ends; 0 for one look, however long that takes. */
  readonly timeout: number;
  /** The longest pause between two looks, in milliseconds. They begin with a fraction of it and double. */
  readonly interval: number;
  readonly listener?: Listener<LookedEvent> | undefined;
  /** Ends the waiting: at once between two looks, and after a look that is under way. */
  readonly signal?: AbortSignal;
}

/** What one look has shown: plain data. */
export interface Look {
  /** Edges that are waited for. */
  readonly edges: number;
  /** How many of them are there. */
  readonly present: number;
  /** The same by host, in the order of their names. */
  readonly hosts: readonly { readonly host: string; readonly edges: number; readonly present: number }[];
  /** Edges that are not there. */
  readonly absent: readonly AbsentEdge[];
}

/** A look is over. */
export interface LookedEvent {
  readonly type: "looked";
  readonly look: Look;
  /** Milliseconds until the next look; `undefined` when there is none. */
  readonly pause: number | undefined;
}

/** How waiting ended: plain data. */
export interface Waiting extends Look {
  readonly format: "waybill-waiting/1";
  /**
   * `arrived`, when production holds everything; `hopeless`, when something cannot arrive (a tag stands at another digest, or
   * is asked for at two); `timeout`, when something is not there yet or could not be read;
   * `interrupted`, when that is so and a signal ended it.
   */
  readonly state: "arrived" | "hopeless" | "timeout" | "interrupted";
  /** Full hash of the commit that the expectation is limited by. */
  readonly since?: string | undefined;
  /** What was selected to be waited for. */
  readonly selection?: Selected | undefined;
  /** How often was looked. */
  readonly looks: number;
  /** How long it took. */
  readonly milliseconds: number;
  /** Errors of the manifests within what is waited for: their lines ask for something that nobody waits for. */
  readonly manifestErrors: readonly Diagnostic[];
  /** Errors outside of it. Absent when everything is waited for. */
  readonly outsideErrors?: readonly Diagnostic[];
}

/**
 * Waits until production holds everything that manifests ask for, by looking into the registries: it does not matter who
 * promotes, nor whether that began before. The first look is at once; later ones look for what was missing alone. What
 * cannot be read is waited for. What cannot arrive ends it at once.
 */
export async function waitForProduction(options: WaitOptions): Promise<Waiting> {
  const { tree, since, open, timeout, interval, listener, signal } = options;
  const begin = performance.now();
  const ended = (): number => performance.now() - begin;
  const { edges, manifestErrors, outsideErrors, selection } = scopeOf(tree, options);
  let expected = expectationOf(edges);
  const totals = countExpected(expected);
  const result = (look: Look, state: Waiting["state"], looks: number): Waiting => ({
    format: "waybill-waiting/1",
    state,
    since: since?.commit,
    selection,
    ...look,
    looks,
    milliseconds: Math.round(ended()),
    manifestErrors,
    ...(outsideErrors === undefined ? {} : { outsideErrors }),
  });
  let last: Look | undefined;
  let pause = Math.min(interval, minPause);
  for (let looks = 1; ; looks += 1) {
    const looking = lookForArrivals(expected, open);
    // A registry may keep one look busy for longer than there is time.
    const found = timeout === 0 ? await looking : await before(looking, timeout - ended());
    if (found === undefined)
      return result(last ?? lookOf(totals, unreadEdges(expected, late)), "timeout", looks);
    const look = lookOf(totals, found.absent);
    const state = stateOf(look);
    if (signal?.aborted && state === "timeout") {
      // What was given up says nothing of production: the look before it does.
      const isWhole = !found.absent.some(({ failure }) => isInterrupted(failure));
      return result(isWhole ? look : (last ?? look), "interrupted", looks);
    }
    expected = found.rest;
    last = look;
    const left = timeout - ended();
    const isLast = state !== "timeout" || left <= 0;
    listener?.({ type: "looked", look, pause: isLast ? undefined : Math.min(pause, left) });
    if (isLast) return result(look, state, looks);
    await sleep(Math.min(pause, left), undefined, { signal }).catch(() => undefined);
    if (signal?.aborted) return result(look, "interrupted", looks);
    pause = Math.min(interval, pause * 2);
  }
}

const late: FailureRecord = { code: "timeout", message: "the time was over before it had answered" };

/** Milliseconds; a promotion that is under way already may be over in a moment. */
const minPause = 2000;

const hopeless: ReadonlySet<AbsentEdge["state"]> = new Set(["conflict", "overlap"]);

function stateOf({ absent }: Look): "arrived" | "hopeless" | "timeout" {
  if (absent.length === 0) return "arrived";
  return absent.some(({ state }) => hopeless.has(state)) ? "hopeless" : "timeout";
}

function lookOf(totals: ReadonlyMap<RepositoryName, number>, absent: readonly AbsentEdge[]): Look {
  const hosts = new Map<string, { host: string; edges: number; present: number }>();
  const count = (name: RepositoryName, edges: number, present: number): void => {
    const { host } = splitRepository(name);
    const known = hosts.get(host) ?? { host, edges: 0, present: 0 };
    known.edges += edges;
    known.present += present;
    hosts.set(host, known);
  };
  for (const [name, edges] of totals) count(name, edges, edges);
  for (const { destination } of absent) count(destination, 0, -1);
  const edges = [...totals.values()].reduce((sum, one) => sum + one, 0);
  return {
    edges,
    present: edges - absent.length,
    hosts: [...hosts.values()].sort((one, other) => (one.host < other.host ? -1 : 1)),
    absent,
  };
}

/** What a promise gives, or `undefined` when that takes longer than there are milliseconds. */
async function before<Value>(work: Promise<Value>, milliseconds: number): Promise<Value | undefined> {
  const stop = new AbortController();
  const over = sleep(Math.max(0, milliseconds), undefined, { signal: stop.signal }).catch(() => undefined);
  try {
    return await Promise.race([work, over]);
  } finally {
    stop.abort();
  }
}
