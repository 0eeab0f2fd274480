import { lastAuditCheck } from "../access/index.ts";
import { databaseState } from "../database/index.ts";
import { listReceivers } from "../notifications/index.ts";
import { quotasOf } from "../registry/index.ts";
import type { DestinationDocument, ServedState } from "../server/index.ts";
import type { CredentialRule, Settings } from "../settings/index.ts";
import { type HostState, listHostStates } from "./host-states.ts";
import { listProcesses } from "./processes.ts";
import type { ServerCore } from "./serve.ts";

/** What a server knows of itself: its tables, and what it is told. No secret of its settings is read for it. */
export function servedState({ db, options }: Pick<ServerCore, "db" | "options">): ServedState {
  const { settings, notifications, objects, retention } = options;
  return {
    async server() {
      const [database, processes, check] = await Promise.all([
        databaseState(db),
        listProcesses(db),
        lastAuditCheck(db),
      ]);
      return {
        database: {
          ...{ kind: database.kind, where: database.where, version: database.version, bytes: database.bytes },
          ...{ migrations: [...database.migrations], migratedAt: database.migratedAt?.toISOString() },
        },
        records: { where: objects, retention: retention.map((rule) => ({ ...rule })) },
        ...{ concurrency: options.concurrency, capacities: { ...options.capacities } },
        ...{ drainSeconds: options.drain / 1000, graceSeconds: options.grace / 1000 },
        processes: processes.map(({ beganAt, seenAt, roles, ...process }) => ({
          ...{ ...process, roles: [...roles] },
          ...{ begunAt: beganAt.toISOString(), seenAt: seenAt.toISOString() },
        })),
        auditCheck: check && {
          ...{ at: check.at.toISOString(), until: check.until?.number, doneAt: check.doneAt?.toISOString() },
          whole: check.whole && { at: check.whole.at.toISOString(), until: check.whole.until },
          fault: check.fault,
        },
      };
    },
    async destinations() {
      return destinationsOf(settings, await listHostStates(db));
    },
    async receivers() {
      const found = await listReceivers(db, notifications);
      return found.map(({ name, kind, to, rules, last, sentAt, waiting, off }) => ({
        ...{ name, kind, to: [...to], rules: [...rules], waiting, sentAt: sentAt?.toISOString() },
        last: last && { ...last, at: last.at.toISOString() },
        off: off && { ...off, since: off.since.toISOString() },
      }));
    },
  };
}

/** Registries that the settings name or that runs have asked, with what is known of each. */
export function destinationsOf(
  settings: Settings,
  states: readonly HostState[],
): readonly DestinationDocument[] {
  const rules = rulesOf(settings);
  const located = settings.locations.filter(({ at }) => !at.startsWith("oci:")).map(({ at }) => hostOf(at));
  const templates = Object.values(settings.destinations).flatMap(({ registries }) =>
    registries.map(({ name }) => hostOf(name)),
  );
  const named = [...Object.keys(settings.hosts), ...rules.map(({ rule }) => hostOf(rule.repository))];
  const configured = new Set([...named, ...located, ...templates]);
  const known = new Map(states.map((state) => [state.host, state]));
  return [...new Set([...configured, ...known.keys()])].sort().map((host) => {
    const own = settings.hosts[host] ?? {};
    const { concurrency, requestsPerSecond, retries, http } = own;
    return {
      ...{ host, isConfigured: configured.has(host) },
      limits: { concurrency, requestsPerSecond, retries, http },
      quotas: quotasOf(host, own).map(({ requests, milliseconds, kinds }) => {
        return { requests, seconds: milliseconds / 1000, kinds: kinds && [...kinds] };
      }),
      ...learntOf(known.get(host)),
      credentials: rules
        .filter(({ rule }) => hostOf(rule.repository) === host)
        .map(({ rule, use, job }) => ({ ...credentialOf(rule), use, job })),
    };
  });
}

function learntOf(state: HostState | undefined) {
  if (state === undefined) return { requests: 0, throttled: 0, pausedSeconds: 0 };
  const { seenAt, status, requests, throttled, throttledAt, learnt, refused, away, credential } = state;
  return {
    ...{ seenAt: seenAt.toISOString(), status, requests, throttled },
    ...{ throttledAt: throttledAt?.toISOString(), pausedSeconds: state.pausedMilliseconds / 1000 },
    learnt: learnt && { ...learnt, at: learnt.at.toISOString() },
    refused: refused && { ...refused, at: refused.at.toISOString() },
    away: away && { ...away, at: away.at.toISOString() },
    credential: credential && { ...credential, at: credential.at.toISOString() },
  };
}

interface UsedRule {
  readonly rule: CredentialRule;
  readonly use: "all" | "reading" | "job";
  readonly job?: string | undefined;
}

function rulesOf({ credentials, serve }: Settings): readonly UsedRule[] {
  const ofJobs = Object.entries(serve.jobCredentials ?? {});
  return [
    ...credentials.map((rule) => ({ rule, use: "all" }) as const),
    ...(serve.readingCredentials ?? []).map((rule) => ({ rule, use: "reading" }) as const),
    ...ofJobs.flatMap(([job, rules]) => rules.map((rule) => ({ rule, use: "job", job }) as const)),
  ];
}

/** What kind of credential a rule gives and whose, and where the secret is kept: never what it is. */
function credentialOf({ repository, helper, identity, anonymous, username, where, ...rule }: CredentialRule) {
  if (anonymous === true) return { repository, kind: "anonymous", where } as const;
  if (helper !== undefined) return { repository, kind: "helper", identity: helper, where } as const;
  if (identity !== undefined) return { repository, kind: "identity", identity, where } as const;
  const variable = rule.passwordEnv === undefined ? undefined : `the variable ${rule.passwordEnv}`;
  const from = rule.passwordFile ?? variable ?? rule.passwordFrom;
  return { repository, kind: "password", identity: username, from, where } as const;
}

function hostOf(name: string): string {
  return (name.split("/", 1)[0] ?? name).toLowerCase();
}
