import type { AuditCheckDocument, AuditDocument, ServerDocument } from "../../../server/index.ts";
import { ListPages } from "../../parts/list-pages.tsx";
import { Mark } from "../../parts/mark.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { countOf } from "../../parts/words.ts";
import type { Answered, Visit } from "../../visit.ts";
import { settingsPage } from "./frame.tsx";

const path = "/settings/audit";
const filters = ["act", "subject", "who"] as const;
/** Signs of what was before and after that are shown at once. */
const shownSigns = 160;

/** Who did what, and whether the log is the one that was written. */
export async function auditSettings(visit: Visit): Promise<Answered> {
  const { searchParams } = visit.url;
  const asked = Object.fromEntries(
    filters.map((name) => [name, searchParams.get(name)?.trim() || undefined]),
  );
  const after = searchParams.get("after") ?? undefined;
  const [entries, { auditCheck }] = await Promise.all([
    visit.list<AuditDocument>("audit", "/audit-log", { ...asked, after, limit: "100" }),
    visit.api.get<ServerDocument>("/server"),
  ]);
  return settingsPage(
    visit,
    path,
    <>
      <h1>Audit log</h1>
      <p>
        <AuditVerdict check={auditCheck} />
      </p>
      <p class="below">
        What is before an entry is in its hash. That the end was cut off, or all was written anew by who owns
        the database, shows by a head that was noted elsewhere alone:{" "}
        <code>waybill audit-log verify --server {visit.publicUrl.origin}</code> prints it.
      </p>
      <form action={path} class="filters">
        <label>
          Act <input name="act" value={asked.act ?? ""} maxlength={200} placeholder="run.abort" />
        </label>
        <label>
          Subject <input name="subject" value={asked.subject ?? ""} maxlength={200} placeholder="run/1384…" />
        </label>
        <label>
          Id of who did it <input name="who" value={asked.who ?? ""} maxlength={200} />
        </label>
        <button type="submit">Show</button>
      </form>
      <Table
        label="Audit log"
        columns={[
          { title: "Entry", cell: ({ number }) => number, isNumber: true },
          { title: "When", cell: ({ at }) => <Time at={at} /> },
          { title: "Who", cell: (entry) => <Who of={entry} /> },
          {
            title: "Act",
            cell: ({ act }) => <a href={`${path}?${new URLSearchParams({ act })}`}>{act}</a>,
          },
          { title: "To what", cell: ({ subject }) => <Subject of={subject} /> },
          { title: "Before and after", cell: (entry) => <Change of={entry} /> },
          { title: "From", cell: ({ from }) => from?.address ?? "" },
          { title: "Hash", cell: ({ hash }) => <code title={hash}>{hash.slice(0, 10)}</code> },
        ]}
        of={entries}
        keyOf={({ number }) => `entry-${number}`}
        empty={
          Object.values(asked).some((value) => value !== undefined)
            ? "No entry is like that."
            : "Nobody has done anything yet: each act is written down here."
        }
      />
      <ListPages url={visit.url} of={entries} />
    </>,
  );
}

/** Whether the log is whole, as far as the server itself knows. */
export function AuditVerdict({ check }: { readonly check: AuditCheckDocument | undefined }) {
  if (check === undefined) {
    return (
      <>
        <Mark of="idle" word="not checked yet" /> A scheduler checks it every minute.
      </>
    );
  }
  const { fault, whole, until, doneAt, at } = check;
  if (fault !== undefined) {
    return (
      <>
        <Mark of="bad" word={`broken at entry ${fault.number}`} /> {fault.message}. Checked <Time at={at} />{" "}
        by the server itself. Find out who has write access to the database, and compare with a backup.
      </>
    );
  }
  if (whole === undefined) {
    return (
      <>
        <Mark of="uncertain" word={`whole until entry ${until ?? 0}`} /> The first check is under way,{" "}
        <Time at={at} />.
      </>
    );
  }
  return (
    <>
      <Mark of="fine" word={`whole until entry ${countOf(whole.until)}`} /> Checked <Time at={whole.at} /> by
      the server itself
      {doneAt === undefined ? `; it reads all of it again, and has come to entry ${countOf(until ?? 0)}` : ""}
      .
    </>
  );
}

function Who({ of: { who } }: { readonly of: AuditDocument }) {
  if (who.kind === "anonymous" || who.kind === "server") return <>{who.name}</>;
  return (
    <>
      <a href={`${path}?${new URLSearchParams({ who: who.id })}`}>{who.name}</a>
      <span class="below">{who.kind}</span>
    </>
  );
}

/** What something was done to, with a link where it has a page. */
function Subject({ of }: { readonly of: string }) {
  const [, kind, id = ""] = /^(run|job)\/([A-Za-z0-9._-]{1,200})$/.exec(of) ?? [];
  if (kind === "run" && /^[0-9]{1,20}$/.test(id)) return <a href={`/runs/${id}`}>{of}</a>;
  if (kind === "job") return <a href={`/jobs/${id}`}>{of}</a>;
  return <>{of}</>;
}

function Change({ of: { before, after } }: { readonly of: AuditDocument }) {
  const texts = [before, after].map((value) => (value === undefined ? undefined : JSON.stringify(value)));
  const [first, second] = texts;
  if (first === undefined && second === undefined) return null;
  const whole = [first, second].filter((text) => text !== undefined).join(" → ");
  if (whole.length <= shownSigns) return <code class="anywhere">{whole}</code>;
  return (
    <details class="wide anywhere">
      <summary>
        <code>{`${whole.slice(0, shownSigns)}…`}</code>
      </summary>
      <code>{whole}</code>
    </details>
  );
}
