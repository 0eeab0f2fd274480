import { type Listener, toAll } from "../events/index.ts";
import type { Network, ShownHeader, Trace } from "../http/index.ts";
import type { Registries, RegistriesOptions, RegistryEvent, RequestKind } from "../registry/index.ts";
import { amount } from "./amount.ts";
import type { Interruption } from "./interruption.ts";
import { logProgress, openProgress, type Progress } from "./progress.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

interface Telling {
  /** How many requests it took, at the end; a note by default. */
  readonly say?: (text: string) => void;
  /** That a host is waited for; a note by default. */
  readonly progress?: Pick<Progress, "waiting" | "watch">;
  readonly listener?: Listener<RegistryEvent>;
  /** What ends the work with them before its time. */
  readonly ending?: Pick<RegistriesOptions, "stop" | "cut">;
}

/** Work with registries whose progress is shown. */
interface ShownWork extends Pick<Telling, "say" | "listener"> {
  /** The first part of it, which progress begins with. */
  readonly title: string;
  /** How signals end it; without it, they end the process. */
  readonly interruption?: Interruption;
  /** What has been begun when a signal stops it is finished. */
  readonly finishes?: boolean;
  /** In lines on a terminal as well, because other lines are written meanwhile. */
  readonly inLines?: boolean;
}

/** How forges and Google are reached: by the same proxies and authorities as registries. */
export async function networkFor(session: Session): Promise<Network> {
  const { hosts } = await session.settings();
  return { environment: session.env, tlsOf: (host) => hosts[host]?.tls, trace: traceFor(session.terminal) };
}

function traceFor({ verbose, trace, detail }: Terminal): Trace | undefined {
  if (!verbose) return undefined;
  return ({ method, url, outcome, milliseconds, sent, received }) => {
    const headers = (mark: string, all: readonly ShownHeader[]) =>
      all.map(([name, value]) => `\n  ${mark} ${name}: ${value}`).join("");
    const line = `${outcome} ${method} ${url} ${milliseconds.toFixed(0)} ms`;
    detail(trace ? `${line}${headers(">", sent)}${headers("<", received)}` : line);
  };
}

/** How registries are reached: as the settings and the environment say. Says where that is not safe. */
export async function wayToRegistries(
  session: Session,
  { progress, listener, ending }: Telling = {},
  requests = new Map<RequestKind, number>(),
): Promise<Omit<RegistriesOptions, "credentials"> & { readonly environment: NodeJS.ProcessEnv }> {
  const { env: environment, terminal } = session;
  const settings = await session.settings();
  for (const [host, { tls }] of Object.entries(settings.hosts)) {
    if (tls?.insecure) terminal.warn(`${host}: any certificate is accepted, as the settings ask`);
  }
  const print = listenerOf(terminal, requests, progress);
  return {
    settings,
    environment,
    ...ending,
    trace: traceFor(terminal),
    listener: toAll(print, listener),
  };
}

/**
 * Does work with the registries as the settings, the environment and the user's credential files describe them. They are closed
 * when it is over, whatever comes of it, which says how many requests it took: quotas are what limits large promotions.
 */
export async function withRegistries<Result>(
  session: Session,
  telling: Telling,
  work: (registries: Registries) => Promise<Result>,
): Promise<Result> {
  const { openRegistries } = await import("../registry/index.ts");
  const { say = session.terminal.note, progress } = telling;
  const requests = new Map<RequestKind, number>();
  const registries = openRegistries(await wayToRegistries(session, telling, requests));
  progress?.watch(registries.underWay);
  try {
    return await work(registries);
  } finally {
    await registries.close();
    const total = [...requests.values()].reduce((sum, count) => sum + count, 0);
    const kinds = [...requests].map(([kind, count]) => `${count} ${kind}`);
    if (total > 0) say(`${amount(total, "request")} (${kinds.join(", ")})`);
  }
}

/** The same, and shows how far it is. Progress has to be over before anything is said: work that says its result ends it. */
export async function withProgress<Result>(
  session: Session,
  { title, interruption, finishes = false, inLines = false, ...telling }: ShownWork,
  work: (registries: Registries, progress: Progress) => Promise<Result>,
): Promise<Result> {
  const progress = await (inLines ? logProgress : openProgress)(session.terminal);
  if (interruption !== undefined) interruption.describe = progress.describe;
  const { stop, cut } = interruption ?? {};
  const ending = finishes ? { cut } : { stop, cut };
  return withRegistries(session, { ...telling, progress, ending }, async (registries) => {
    progress.begin(title);
    try {
      return await work(registries, progress);
    } finally {
      progress.end();
    }
  });
}

function listenerOf(
  terminal: Terminal,
  requests: Map<RequestKind, number>,
  progress: Pick<Progress, "waiting"> | undefined,
): Listener<RegistryEvent> {
  const say = progress?.waiting ?? terminal.note;
  const pauses = new Map<string, number>();
  return (event) => {
    switch (event.type) {
      case "waiting": {
        const { host, milliseconds, reason } = event;
        pauses.set(host, Date.now() + milliseconds);
        say(`waiting ${seconds(milliseconds)} for ${host}, as it asks (${reason})`, milliseconds);
        break;
      }
      case "retry": {
        const { host, kind, reason, attempt, waitMilliseconds } = event;
        // One line says that the host is waited for; a line in the middle of a bar helps nobody.
        if ((pauses.get(host) ?? 0) > Date.now()) break;
        const text = `${host}: ${kind} failed (${reason}); attempt ${attempt + 1} in ${seconds(waitMilliseconds)}`;
        if (terminal.canvas === undefined) terminal.note(text);
        else say(text, waitMilliseconds);
        break;
      }
      case "away": {
        const waits = `${amount(event.waiting, "request")} ${event.waiting === 1 ? "waits" : "wait"} for it`;
        terminal.note(`${event.failure.message}; ${waits}`);
        break;
      }
      case "back":
        terminal.note(`${event.host} answers again, after ${seconds(event.milliseconds)}`);
        break;
      case "unanswered":
        // Progress tells by itself how long answers take.
        if (progress !== undefined) break;
        terminal.note(
          `${event.host} has not answered a request (${event.kind}) for ${seconds(event.milliseconds)}`,
        );
        break;
      case "credential":
        terminal.detail(`${event.host}: ${saysWho(event.source)}`);
        break;
      case "overlooked":
        terminal.detail(`${event.host}: ${event.kind} failed (${event.fault}), which does not matter`);
        break;
      case "request":
        requests.set(event.kind, (requests.get(event.kind) ?? 0) + 1);
    }
  };
}

function saysWho(source: string | undefined): string {
  return source === undefined
    ? "no credential, so it is asked as anybody"
    : `the credential is from ${source}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}
