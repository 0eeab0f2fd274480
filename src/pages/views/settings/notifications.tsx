import type { NotificationDocument, ReceiverDocument } from "../../../server/index.ts";
import { ListPages } from "../../parts/list-pages.tsx";
import { Mark } from "../../parts/mark.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import type { Answered, Visit } from "../../visit.ts";
import { settingsPage } from "./frame.tsx";

const marks = {
  waiting: { of: "uncertain", word: "waits" },
  sent: { of: "fine", word: "arrived" },
  failed: { of: "bad", word: "failed" },
} as const;

/** Whom something is told of jobs, and what became of it. */
export async function notificationSettings(visit: Visit): Promise<Answered> {
  const after = visit.url.searchParams.get("after") ?? undefined;
  const [receivers, told] = await Promise.all([
    visit.list<ReceiverDocument>("receivers", "/receivers", { limit: "500" }),
    visit.list<NotificationDocument>("notifications", "/notifications", { after, limit: "50" }),
  ]);
  return settingsPage(
    visit,
    "/settings/notifications",
    <>
      <h1>Notifications</h1>
      <Table
        label="Receivers"
        columns={[
          { title: "Receiver", cell: ({ name }) => <strong>{name}</strong> },
          { title: "Kind", cell: ({ kind }) => kind },
          {
            title: "Where",
            cell: ({ to }) => (to.length === 0 ? <span class="none">a secret</span> : to.join(", ")),
          },
          { title: "Rules", cell: ({ rules }) => rules.join(", ") },
          { title: "Last", cell: (receiver) => <Last of={receiver} /> },
          { title: "Arrived last", cell: ({ sentAt }) => <Time at={sentAt} /> },
          { title: "Waiting", cell: ({ waiting }) => waiting, isNumber: true },
        ]}
        of={receivers}
        keyOf={({ name }) => `receiver-${name}`}
        empty="Nobody is told anything. Name receivers and rules below serve.notifications in waybill.yaml, or a contact in a job."
      />
      <section aria-labelledby="told">
        <h2 id="told">What was told</h2>
        <Table
          label="What was told"
          columns={[
            { title: "State", cell: ({ state }) => <Mark {...marks[state]} /> },
            { title: "Receiver", cell: ({ receiver }) => receiver },
            { title: "What", cell: ({ telling }) => telling },
            {
              title: "Of",
              cell: ({ jobs }) => (
                <>
                  {jobs.slice(0, 5).map(({ job, run }) => (
                    <span class="row">
                      <a href={`/runs/${run}`}>{job}</a>
                    </span>
                  ))}
                  {jobs.length > 5 ? <span class="below">{`and ${jobs.length - 5} more`}</span> : ""}
                </>
              ),
            },
            { title: "Cause", cell: ({ cause }) => cause },
            { title: "Made", cell: ({ at }) => <Time at={at} /> },
            {
              title: "What went wrong",
              cell: ({ failure, attempts, state, dueAt }) =>
                failure === undefined ? (
                  ""
                ) : (
                  <>
                    {failure} (attempt {attempts})
                    {state === "waiting" ? (
                      <span class="below">
                        again <Time at={dueAt} />
                      </span>
                    ) : (
                      ""
                    )}
                  </>
                ),
            },
          ]}
          of={told}
          keyOf={({ number }) => `told-${number}`}
          empty="Nothing was told yet: no job has failed, or nobody wants to know."
        />
        <ListPages url={visit.url} of={told} />
      </section>
    </>,
  );
}

function Last({ of: { last, off } }: { readonly of: ReceiverDocument }) {
  if (off !== undefined) {
    return (
      <>
        <Mark of="bad" word="wants nothing more" />
        <span class="below">
          {off.reason} (since <Time at={off.since} />)
        </span>
      </>
    );
  }
  if (last === undefined) return <Mark of="idle" word="never told anything" />;
  return (
    <>
      <Mark {...marks[last.state]} /> <Time at={last.at} />
      {last.failure === undefined ? "" : <span class="below">{last.failure}</span>}
    </>
  );
}
