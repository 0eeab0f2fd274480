import type {
  DeliveryDocument,
  DestinationDocument,
  JobSourceDocument,
  ListPage,
  QueueDocument,
  ReceiverDocument,
  RemoteDocument,
  ServerDocument,
  TokenDocument,
} from "../../../server/index.ts";

/** What the settings and what they lead to have to say. Lists are missing of which somebody may not know. */
export interface SettingsState {
  readonly source: JobSourceDocument;
  readonly server: ServerDocument;
  readonly queue: QueueDocument;
  readonly remotes: readonly RemoteDocument[];
  readonly destinations: readonly DestinationDocument[];
  /** Deliveries that have failed. */
  readonly deliveries: ListPage<DeliveryDocument> | undefined;
  readonly receivers: readonly ReceiverDocument[] | undefined;
  readonly tokens: readonly TokenDocument[] | undefined;
  readonly now: Date;
}

/** Something that is not as it should be, and where it is mended. */
export interface SettingsProblem {
  /** A `warning` stops nothing yet. */
  readonly severity: "error" | "warning";
  readonly text: string;
  readonly since?: string | undefined;
  /** Where more of it stands. */
  readonly href: string;
}

/** Milliseconds before the end of a token in which it is time to make another one. */
const endsSoon = 7 * 24 * 60 * 60_000;
/** Milliseconds without a look after which nobody seems to check the audit log. */
const uncheckedFor = 60 * 60_000;

/** All that is wrong, what stops most first. */
export function problemsIn(state: SettingsState): readonly SettingsProblem[] {
  const found = [
    ...ofServer(state),
    ...ofJobs(state),
    ...ofRemotes(state),
    ...ofDestinations(state),
    ...ofMessages(state),
    ...ofTokens(state),
  ];
  // Branches and pull requests of one repository have the same webhooks.
  const apart = [...new Map(found.map((each) => [each.text, each])).values()];
  const errors = apart.filter(({ severity }) => severity === "error");
  return [...errors, ...apart.filter(({ severity }) => severity === "warning")];
}

function ofServer({ server, queue, now }: SettingsState): readonly SettingsProblem[] {
  const href = "/settings/server";
  const { why, processes, auditCheck } = server;
  const lost = processes.filter(({ state }) => state === "lost");
  const unready = processes.filter(({ state, unready }) => state === "running" && unready !== undefined);
  const isUnchecked = auditCheck !== undefined && now.getTime() - Date.parse(auditCheck.at) > uncheckedFor;
  return [
    ...problem(auditCheck?.fault, ({ message }) => ({
      text: `the audit log is not what was written: ${message}`,
      href: "/settings/audit",
    })),
    ...problem(why, (text) => ({ text: `this process is not ready: ${text}`, href })),
    ...(queue.workers.length === 0 ? [error("no worker is there: no run begins", href)] : []),
    ...unready.map(({ name, unready }) => error(`${name} gets no requests: ${unready}`, href)),
    ...lost.map(({ name, roles, seenAt }) => ({
      ...error(`the process of ${name} (${roles.join(", ")}) has gone without a word`, href),
      severity: "warning" as const,
      since: seenAt,
    })),
    ...(isUnchecked
      ? [{ ...warning("nobody checks the audit log any more", "/settings/audit"), since: auditCheck.at }]
      : []),
  ];
}

function ofJobs({ source: { trouble, files, problems } }: SettingsState): readonly SettingsProblem[] {
  const href = "/settings/jobs";
  return [
    ...problem(trouble, ({ message, since }) => ({ text: `jobs are not read: ${message}`, since, href })),
    ...files.map(({ file, since }) => {
      const first = problems.find((each) => each.file === file && each.severity === "error");
      const where = first === undefined ? file : `${file}:${first.line}:${first.column}`;
      return { ...error(`${where}: ${first?.message ?? "it has errors"}`, href), since };
    }),
  ];
}

function ofRemotes({ remotes }: SettingsState): readonly SettingsProblem[] {
  const href = "/settings/remotes";
  return remotes.flatMap(({ url, unread, hook, hookDeliveries }) => [
    ...problem(unread, ({ message, since }) => ({ text: `${url} cannot be read: ${message}`, since, href })),
    ...(hook === undefined ? [] : [{ ...warning(`${url}: ${hook.message}`, href), since: hook.since }]),
    ...(hook === undefined && hookDeliveries?.failedAt === hookDeliveries?.at && hookDeliveries !== undefined
      ? [{ ...warning(`${url}: deliveries of its webhooks fail`, href), since: hookDeliveries.at }]
      : []),
  ]);
}

function ofDestinations({ destinations }: SettingsState): readonly SettingsProblem[] {
  const href = "/settings/destinations";
  return destinations.flatMap(({ host, away, refused, seenAt }) => [
    ...problem(away, ({ message, at }) => ({ text: `${host} is away: ${message}`, since: at, href })),
    // What it has answered since may have been something else.
    ...(refused !== undefined && refused.at === seenAt
      ? [{ ...warning(`${host} refused whom it was shown (${refused.status})`, href), since: refused.at }]
      : []),
  ]);
}

function ofMessages({ deliveries, receivers = [] }: SettingsState): readonly SettingsProblem[] {
  const [newest] = deliveries?.items ?? [];
  const href = "/settings/notifications";
  return [
    ...(newest === undefined
      ? []
      : [
          {
            ...warning(
              `deliveries of ${newest.source} could not be looked at: ${newest.failure ?? newest.event}`,
              "/settings/remotes?outcome=failed",
            ),
            since: newest.receivedAt,
          },
        ]),
    ...receivers.flatMap(({ name, last, off }) => [
      ...(off === undefined
        ? []
        : [{ ...warning(`${name} wants to be told nothing more: ${off.reason}`, href), since: off.since }]),
      ...(last?.failure === undefined || last.state === "sent" || off !== undefined
        ? []
        : [{ ...warning(`${name} could not be told: ${last.failure}`, href), since: last.at }]),
    ]),
  ];
}

function ofTokens({ tokens = [], now }: SettingsState): readonly SettingsProblem[] {
  return tokens
    .filter(({ endsAt, usedAt }) => {
      // Who exchanges a token every quarter of an hour is not told of each.
      const left = Date.parse(endsAt) - now.getTime();
      return usedAt !== undefined && left < endsSoon && left > 60 * 60_000;
    })
    .map(({ name, endsAt }) => ({ ...warning(`the token ${name} ends`, "/settings/tokens"), since: endsAt }));
}

function problem<Found>(
  found: Found | undefined,
  told: (found: Found) => Omit<SettingsProblem, "severity">,
): readonly SettingsProblem[] {
  return found === undefined ? [] : [{ severity: "error", ...told(found) }];
}

function error(text: string, href: string): SettingsProblem {
  return { severity: "error", text, href };
}

function warning(text: string, href: string): SettingsProblem {
  return { severity: "warning", text, href };
}
