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
import { Mark } from "../../parts/mark.tsx";
import { Time } from "../../parts/time.tsx";
import { countOf } from "../../parts/words.ts";
import type { Answered, Visit } from "../../visit.ts";
import { AuditVerdict } from "./audit.tsx";
import { settingsPage } from "./frame.tsx";
import { problemsIn, type SettingsProblem, type SettingsState } from "./problems.ts";

/** What is wrong first, then how much there is of everything. */
export async function settingsOverview(visit: Visit): Promise<Answered> {
  const state = await stateOf(visit);
  const problems = visit.rows<SettingsProblem>("problems", problemsIn(state));
  const { source, remotes, destinations, server, queue, tokens, receivers } = state;
  const alive = server.processes.filter((process) => process.state !== "lost").length;
  return settingsPage(
    visit,
    "/settings",
    <>
      <h1>Settings</h1>
      <p class="below">
        As they are: what <code>waybill.yaml</code>, job files and forges say is changed there. No secret is
        on these pages.
      </p>
      <section aria-labelledby="problems">
        <h2 id="problems">What is wrong</h2>
        {problems.items.length === 0 ? (
          <p class="empty">Nothing that the server knows of.</p>
        ) : (
          <ul class="needs">
            {problems.items.map(({ severity, text, since, href }) => (
              <li class={severity === "error" ? "problem" : undefined}>
                {severity === "error" ? (
                  <Mark of="bad" word="error" />
                ) : (
                  <Mark of="uncertain" word="warning" />
                )}{" "}
                <a href={href}>{text}</a>
                {since === undefined ? (
                  ""
                ) : (
                  <span class="below">
                    <Time at={since} />
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </section>
      <section aria-labelledby="all">
        <h2 id="all">What there is</h2>
        <ul class="figures">
          <Figure href="/settings/jobs" number={source.jobs} words="jobs" />
          <Figure href="/settings/remotes" number={remotes.length} words="remotes" />
          <Figure href="/settings/destinations" number={destinations.length} words="destinations" />
          <Figure href="/settings/server" number={alive} words={alive === 1 ? "process" : "processes"} />
          <Figure href="/settings/server" number={queue.workers.length} words="workers" />
          {receivers === undefined ? (
            ""
          ) : (
            <Figure href="/settings/notifications" number={receivers.length} words="receivers" />
          )}
          {tokens === undefined ? (
            ""
          ) : (
            <Figure href="/settings/tokens" number={tokens.length} words="tokens" />
          )}
        </ul>
      </section>
      {visit.me.mayManage ? (
        <section aria-labelledby="audit">
          <h2 id="audit">Audit log</h2>
          <p>
            <AuditVerdict check={server.auditCheck} /> <a href="/settings/audit">Who did what</a>
          </p>
        </section>
      ) : (
        ""
      )}
    </>,
  );
}

async function stateOf({ api, me, now }: Visit): Promise<SettingsState> {
  const most = { limit: "500" };
  const [source, server, queue, remotes, destinations, deliveries, receivers, tokens] = await Promise.all([
    api.get<JobSourceDocument>("/job-source"),
    api.get<ServerDocument>("/server"),
    api.get<QueueDocument>("/queue"),
    api.get<ListPage<RemoteDocument>>("/remotes", most),
    api.get<ListPage<DestinationDocument>>("/destinations", most),
    me.mayManage
      ? api.get<ListPage<DeliveryDocument>>("/deliveries", { outcome: "failed", limit: "1" })
      : undefined,
    me.mayManage ? api.get<ListPage<ReceiverDocument>>("/receivers", most) : undefined,
    me.kind === "person" || me.mayManage ? api.get<ListPage<TokenDocument>>("/tokens", most) : undefined,
  ]);
  return {
    ...{ source, server, queue, deliveries, now },
    ...{ remotes: remotes.items, destinations: destinations.items },
    ...{ receivers: receivers?.items, tokens: tokens?.items },
  };
}

function Figure({
  number,
  words,
  href,
}: {
  readonly number: number;
  readonly words: string;
  readonly href: string;
}) {
  return (
    <li>
      <a href={href}>
        <strong>{countOf(number)}</strong> {words}
      </a>
    </li>
  );
}
