import type { DeliveryDocument, RemoteDocument } from "../../../server/index.ts";
import { Repository } from "../../parts/links.tsx";
import { ListPages } from "../../parts/list-pages.tsx";
import { Mark } from "../../parts/mark.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import type { Answered, Visit } from "../../visit.ts";
import { Act, settingsPage } from "./frame.tsx";

const path = "/settings/remotes";

/** What starts jobs from outside: repositories that are looked at, and what forges and registries have sent. */
export async function remoteSettings(visit: Visit): Promise<Answered> {
  const { searchParams: search } = visit.url;
  const [state, outcome] = [search.get("state") || undefined, search.get("outcome") || undefined];
  const after = search.get("after") ?? undefined;
  const [remotes, deliveries] = await Promise.all([
    visit.list<RemoteDocument>("remotes", "/remotes", { state, limit: "500" }),
    visit.me.mayManage
      ? visit.list<DeliveryDocument>("deliveries", "/deliveries", { outcome, after, limit: "50" })
      : undefined,
  ]);
  return settingsPage(
    visit,
    path,
    <>
      <h1>Remotes</h1>
      <p>
        Repositories are looked at whether anybody tells of them or not; a webhook has one looked at at once.
        Webhooks lead to <code>{`${visit.publicUrl.origin}/webhooks/NAME`}</code>.
      </p>
      <Table
        label="Remotes"
        columns={[
          { title: "Repository", cell: ({ url }) => <Repository url={url} /> },
          { title: "What", cell: ({ what }) => (what === "refs" ? "branches and tags" : "pull requests") },
          { title: "State", cell: (remote) => <RemoteState remote={remote} /> },
          { title: "Looked at", cell: ({ lookedAt }) => <Time at={lookedAt} /> },
          { title: "Next", cell: ({ dueAt }) => <Time at={dueAt} /> },
          { title: "Last webhook", cell: ({ toldAt }) => <Time at={toldAt} /> },
          { title: "At its forge", cell: (remote) => <AtForge remote={remote} /> },
          {
            title: "Act",
            cell: ({ url }) => (
              <Act visit={visit} action={`${path}/look`} title="Look now" of={url} fields={{ url }} />
            ),
          },
        ]}
        of={remotes}
        empty={
          state === undefined ? (
            <>
              No job is started by a repository. What may start one: <a href="/settings/jobs">the jobs</a>.
            </>
          ) : (
            "No repository is in that state."
          )
        }
      />
      {deliveries === undefined ? (
        ""
      ) : (
        <section aria-labelledby="deliveries">
          <h2 id="deliveries">What forges and registries have sent</h2>
          <form action={path} class="filters">
            <label>
              What became of it{" "}
              <select name="outcome">
                <option value="">any</option>
                {(["waiting", "done", "failed"] as const).map((name) => (
                  <option value={name} selected={name === outcome}>
                    {outcomes[name].word}
                  </option>
                ))}
              </select>
            </label>
            <button type="submit">Show</button>
          </form>
          <Table
            label="Deliveries"
            columns={[
              {
                title: "State",
                cell: (delivery) => <Mark {...outcomes[delivery.outcome]} />,
              },
              {
                title: "From",
                cell: ({ source, sender }) => (sender === source ? source : `${source}, ${sender}`),
              },
              { title: "Event", cell: ({ event }) => event },
              {
                title: "About",
                cell: ({ repositories }) => repositories.map((url) => <Repository url={url} />),
              },
              { title: "Came", cell: ({ receivedAt }) => <Time at={receivedAt} /> },
              { title: "Times", cell: ({ arrivals }) => arrivals, isNumber: true },
              {
                title: "What went wrong",
                cell: ({ failure, attempts }) =>
                  failure === undefined ? "" : `${failure} (attempt ${attempts})`,
              },
              { title: "Id of its sender", cell: ({ id }) => <code>{id}</code> },
              {
                title: "Act",
                cell: ({ number, event }) => (
                  <Act
                    {...{ visit, title: "Repeat", of: `delivery ${number}, ${event}` }}
                    action={`${path}/deliveries/${number}`}
                  />
                ),
              },
            ]}
            of={deliveries}
            keyOf={({ number }) => `delivery-${number}`}
            empty={
              outcome === undefined
                ? "Nothing has come yet. Webhooks need a secret below serve.webhooks in waybill.yaml, and the address above at the forge."
                : "No delivery has come to that."
            }
          />
          <ListPages url={visit.url} of={deliveries} />
        </section>
      )}
    </>,
  );
}

const outcomes = {
  waiting: { of: "uncertain", word: "waits" },
  done: { of: "fine", word: "looked at" },
  failed: { of: "bad", word: "failed" },
} as const;

function RemoteState({ remote: { unread, lookedAt, movedTags } }: { readonly remote: RemoteDocument }) {
  return (
    <>
      {unread !== undefined ? (
        <>
          <Mark of="bad" word="unread" />
          <span class="below">
            {unread.message} (since <Time at={unread.since} />, attempt {unread.attempts})
          </span>
        </>
      ) : lookedAt === undefined ? (
        <Mark of="uncertain" word="not looked at yet" />
      ) : (
        <Mark of="fine" word="read" />
      )}
      {movedTags.slice(0, 3).map(({ ref, from, to, seenAt }) => (
        <span class="below">
          {ref.replace(/^refs\/tags\//, "")} has moved from <code title={from}>{from.slice(0, 10)}</code> to{" "}
          <code title={to}>{to.slice(0, 10)}</code>, seen <Time at={seenAt} />
        </span>
      ))}
      {movedTags.length > 3 ? <span class="below">{`and ${movedTags.length - 3} more tags`}</span> : ""}
    </>
  );
}

function AtForge({ remote: { hook, hookDeliveries: said } }: { readonly remote: RemoteDocument }) {
  if (hook === undefined && said === undefined) return <span class="none">not asked, or not told</span>;
  return (
    <>
      {hook === undefined ? (
        <Mark of="fine" word="webhooks are on" />
      ) : (
        <>
          <Mark of="bad" word="webhooks are off" />
          <span class="below">
            {hook.message} (since <Time at={hook.since} />
            ). {hook.hint}
          </span>
        </>
      )}
      {said === undefined ? (
        ""
      ) : (
        <span class="below">
          {said.failedAt === undefined ? (
            "no delivery is known to have failed"
          ) : (
            <>
              {said.failed === 1 ? "one delivery" : `${said.failed} deliveries`} had failed{" "}
              <Time at={said.failedAt} />
            </>
          )}
          , asked <Time at={said.at} />
        </span>
      )}
    </>
  );
}
