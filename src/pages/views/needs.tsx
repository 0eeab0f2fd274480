import type { Child } from "hono/jsx";
import type { NeedDocument } from "../../server/index.ts";
import { Repository } from "../parts/links.tsx";
import { State } from "../parts/state.tsx";
import { Formats } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import type { Listed } from "../tables.ts";
import type { Visit } from "../visit.ts";
import { Acts } from "./acts.tsx";

/** What does not go on before somebody does something about it, each with what that is. */
export function NeedsSomebody({
  visit,
  needs,
}: {
  readonly visit: Visit;
  readonly needs: Listed<NeedDocument>;
}) {
  return (
    <section aria-labelledby="needs">
      <h2 id="needs">Needs somebody</h2>
      {needs.items.length === 0 ? (
        <p class="empty">Nothing needs a person.</p>
      ) : (
        <>
          <ul class="needs">
            {needs.items.map((need) => (
              <Need visit={visit} need={need} />
            ))}
          </ul>
          <Formats of={needs} label="Needs somebody" />
        </>
      )}
    </section>
  );
}

function Need({ visit, need }: { readonly visit: Visit; readonly need: NeedDocument }) {
  const { kind, text, hint, since, job, run } = need;
  const isHeld = kind === "held";
  return (
    <li class={isHeld ? undefined : "problem"} id={`need-${kind}-${run ?? need.subject}`}>
      <span class="what">
        {isHeld ? <State of="held" /> : ""} <strong>{subjectOf(need)}</strong> {text}
        {hint === undefined ? "" : <span class="below">{hint}</span>}
      </span>
      <span class="beside">
        {since === undefined ? "" : <Time at={since} />}
        {isHeld && run !== undefined && job !== undefined ? (
          <Acts visit={visit} run={{ id: run, job, state: "held" }} />
        ) : (
          wayOf(need)
        )}
      </span>
    </li>
  );
}

function subjectOf({ kind, subject, run }: NeedDocument): Child {
  if (kind === "remote" || kind === "webhook") return <Repository url={subject} />;
  return run === undefined ? subject : <a href={`/runs/${run}`}>{subject}</a>;
}

/** Where somebody does something about it. */
function wayOf({ kind, job }: NeedDocument): Child {
  if (kind === "job-file" || kind === "jobs") return <a href="/jobs#problems">What is wrong</a>;
  return job === undefined ? "" : <a href={`/jobs/${encodeURIComponent(job)}`}>Its history</a>;
}
