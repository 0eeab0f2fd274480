import { type Listener, toAll } from "../events/index.ts";
import type { Job } from "../jobs/index.ts";
import type { TakenRun } from "../queue/index.ts";
import {
  type CredentialStore,
  openCredentialSources,
  openRegistries,
  type Registries,
  type RegistryEvent,
  ruledCredentials,
  usualCredentials,
} from "../registry/index.ts";
import type { RunEnding } from "./ending.ts";
import type { WorkEnvironment } from "./model.ts";

/**
 * What a run may do with registries.
 * - `foreign`: it reads for somebody who may be anybody: a pull request, a shadow. It is shown what only reads.
 * - `reading`: it reads what the job's own branch names.
 * - `writing`: it writes as well, as long as the run is this worker's.
 */
export type RegistryAccess = "foreign" | "reading" | "writing";

/** What registries a run is given. */
export interface RunRegistriesOptions {
  readonly access: RegistryAccess;
  readonly ending: Pick<RunEnding, "stop" | "cut">;
  /** The only hosts that may be at an address which only this server reaches, beside those of the settings; all without it. */
  readonly trusted?: ReadonlySet<string> | undefined;
  /** What has been begun when the run is stopped is finished. */
  readonly finishes?: boolean;
  readonly listener: Listener<RegistryEvent>;
  readonly say: (line: string) => void;
}

/** Registries for looking at what runs have brought there: with credentials that read, and nothing else; to be closed. */
export function registriesForReading(
  { settings, environment, paceOf, credentialSources }: Parameters<typeof registriesFor>[2],
  cut: AbortSignal,
): Registries {
  const { readingCredentials = [] } = settings.serve;
  const sources = credentialSources ?? openCredentialSources({ settings, environment });
  return openRegistries({
    ...{ settings, environment, paceOf, cut },
    credentials: ruledCredentials(readingCredentials, { sources, readsOnly: true }),
    mayWrite: () => false,
  });
}

/** The registries of one run; to be closed. */
export function registriesFor(
  run: Pick<TakenRun, "isMine" | "stillMine">,
  job: Pick<Job, "name">,
  work: Pick<WorkEnvironment, "settings" | "environment" | "paceOf" | "credentialSources">,
  { access, trusted, ending, finishes = false, listener, say }: RunRegistriesOptions,
): Registries {
  const { settings, environment, paceOf } = work;
  const { stop, cut } = ending;
  return openRegistries({
    settings,
    environment,
    paceOf,
    mayBePrivate: trusted && ((host) => trusted.has(host)),
    credentials: credentialsFor(job, access, work),
    ...(finishes ? { cut } : { stop, cut }),
    mayWrite: access === "writing" ? () => run.isMine() || run.stillMine() : () => false,
    listener: toAll(listener, (event) => {
      const line = lineOf(event);
      if (line !== undefined) say(line);
    }),
  });
}

function credentialsFor(
  { name }: Pick<Job, "name">,
  access: RegistryAccess,
  { settings, environment, credentialSources }: Parameters<typeof registriesFor>[2],
): CredentialStore {
  const { readingCredentials = [], jobCredentials = {} } = settings.serve;
  const sources = credentialSources ?? openCredentialSources({ settings, environment });
  if (access === "foreign") return ruledCredentials(readingCredentials, { sources, readsOnly: true });
  const own = Object.hasOwn(jobCredentials, name) ? jobCredentials[name] : undefined;
  return own === undefined
    ? usualCredentials({ settings, environment }, sources)
    : ruledCredentials(own, { sources, readsOnly: access === "reading" });
}

/** What of the talk with registries people want to read in a log. */
function lineOf(event: RegistryEvent): string | undefined {
  switch (event.type) {
    case "waiting":
      return `waiting ${seconds(event.milliseconds)} for ${event.host}, as it asks (${event.reason})`;
    case "retry":
      return `${event.host}: ${event.kind} failed (${event.reason}); attempt ${event.attempt + 1} in ${seconds(event.waitMilliseconds)}`;
    case "away":
      return event.failure.message;
    case "back":
      return `${event.host} answers again, after ${seconds(event.milliseconds)}`;
    default:
      return undefined;
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}
