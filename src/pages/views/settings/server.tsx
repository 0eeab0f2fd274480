import type { QueueDocument, ServerDocument } from "../../../server/index.ts";
import { bytesInWords } from "../../parts/amount.ts";
import { Mark } from "../../parts/mark.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { countOf } from "../../parts/words.ts";
import type { Answered, Visit } from "../../visit.ts";
import { AuditVerdict } from "./audit.tsx";
import { settingsPage } from "./frame.tsx";

type Process = ServerDocument["processes"][number];
type Rule = ServerDocument["records"]["retention"][number];

const processMarks = {
  running: { of: "fine", word: "running" },
  draining: { of: "uncertain", word: "draining" },
  lost: { of: "bad", word: "lost" },
} as const;

/** The server itself: who is there, what they stand on, and what they are told. */
export async function serverSettings(visit: Visit): Promise<Answered> {
  const [server, queue] = await Promise.all([
    visit.api.get<ServerDocument>("/server"),
    visit.api.get<QueueDocument>("/queue"),
  ]);
  const { database, records, processes, capacities } = server;
  return settingsPage(
    visit,
    "/settings/server",
    <>
      <h1>Server {server.ready ? <Mark of="fine" word="ready" /> : <Mark of="bad" word="not ready" />}</h1>
      {server.why === undefined ? (
        ""
      ) : (
        <p class="problem" role="alert">
          /readyz says: {server.why}.
        </p>
      )}
      <dl class="facts">
        <Fact title="Version" value={server.version} />
        <Fact title="Address" value={server.publicUrl} />
        <Fact
          title="Database"
          value={`${database.kind === "pglite" ? "embedded" : "a server's"}, PostgreSQL ${database.version}`}
          below={database.where}
        />
        <Fact title="Size of the database" value={bytesInWords(database.bytes)} />
        <Fact title="Records" value={records.where} below="logs and artifacts of runs that have ended" />
        <Fact title="Runs of a process" value={`${server.concurrency} at a time`} />
        <Fact
          title="When a process stops"
          value={`${server.graceSeconds} s for its runs`}
          below={
            server.drainSeconds === 0 ? "it answers nothing more" : `it answers ${server.drainSeconds} s more`
          }
        />
        <div>
          <dt>Schema</dt>
          <dd>
            {`${database.migrations.length} steps`}, the last <Time at={database.migratedAt} />
            <details>
              <summary>All steps</summary>
              {database.migrations.join(", ")}
            </details>
          </dd>
        </div>
        {visit.me.mayManage ? (
          <div>
            <dt>Audit log</dt>
            <dd>
              <AuditVerdict check={server.auditCheck} /> <a href="/settings/audit">The log</a>
            </dd>
          </div>
        ) : (
          ""
        )}
      </dl>
      <section aria-labelledby="processes">
        <h2 id="processes">Processes</h2>
        <Table
          label="Processes"
          columns={[
            {
              title: "State",
              cell: ({ state, unready }) => (
                <>
                  <Mark {...processMarks[state]} />
                  {unready === undefined ? "" : <span class="below">gets no requests: {unready}</span>}
                </>
              ),
            },
            {
              title: "Machine",
              cell: ({ name, pid }) => (
                <>
                  {name}
                  {pid === undefined ? "" : <span class="below">process {pid}</span>}
                </>
              ),
            },
            { title: "Roles", cell: ({ roles }) => roles.join(", ") },
            { title: "Version", cell: ({ version }) => version },
            ...(processes.some(({ address }) => address !== undefined)
              ? [{ title: "Listens at", cell: ({ address }: Process) => <code>{address}</code> }]
              : []),
            { title: "Began", cell: ({ begunAt }) => <Time at={begunAt} /> },
            { title: "Last word", cell: ({ seenAt }) => <Time at={seenAt} /> },
          ]}
          of={visit.rows<Process>("processes", processes)}
          keyOf={({ id }) => `process-${id}`}
          empty="No process has said yet that it is there: each does within seconds of its start."
        />
      </section>
      <section aria-labelledby="workers">
        <h2 id="workers">Workers</h2>
        <Table
          label="Workers"
          columns={[
            { title: "Worker", cell: ({ name }) => <code>{name}</code> },
            { title: "Runs", cell: ({ running, seats }) => `${running} of ${seats}`, isNumber: true },
            { title: "Since", cell: ({ since }) => <Time at={since} /> },
            { title: "Lease renewed", cell: ({ seen }) => <Time at={seen} /> },
          ]}
          of={visit.rows<QueueDocument["workers"][number]>("workers", queue.workers)}
          keyOf={({ name }) => `worker-${name}`}
          empty="No worker is there, so no run begins. Start a process with the role worker."
        />
        {Object.keys(capacities).length === 0 ? (
          ""
        ) : (
          <p>
            Capacities:{" "}
            {Object.entries(capacities)
              .map(([name, limit]) => `${name} ${limit}`)
              .join(", ")}
            .
          </p>
        )}
      </section>
      <section aria-labelledby="retention">
        <h2 id="retention">How long records are kept</h2>
        <Table
          label="Retention"
          columns={[
            { title: "Jobs", cell: ({ job }) => job ?? "all others" },
            { title: "Days", cell: ({ maxDays }) => limitOf(maxDays), isNumber: true },
            { title: "Runs of a job", cell: ({ maxRuns }) => limitOf(maxRuns), isNumber: true },
            {
              title: "Bytes of a job",
              cell: ({ maxBytes }) => (maxBytes === undefined ? limitOf(undefined) : bytesInWords(maxBytes)),
              isNumber: true,
            },
          ]}
          of={visit.rows<Rule>("retention", records.retention)}
          empty="For ever: name rules below serve.retention in waybill.yaml."
        />
      </section>
    </>,
  );
}

function limitOf(most: number | undefined) {
  return most === undefined ? <span class="none">any</span> : countOf(most);
}

interface FactProps {
  readonly title: string;
  readonly value: string | undefined;
  readonly below?: string | undefined;
}

function Fact({ title, value, below }: FactProps) {
  if (value === undefined) return null;
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        {value}
        {below === undefined ? "" : <span class="below">{below}</span>}
      </dd>
    </div>
  );
}
