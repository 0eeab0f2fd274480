import type { RunDocument } from "../../server/index.ts";
import { Csrf } from "../layout.tsx";
import type { Visit } from "../visit.ts";

/** What may be done to a run at once, by its state. */
export const acts = ["release", "abort", "rerun"] as const;
type RunAct = Exclude<(typeof acts)[number], "rerun">;

const titles: Readonly<Record<RunAct, string>> = { release: "Release", abort: "Abort" };

/** A run that something may be done to. */
type ActedOn = Pick<RunDocument, "id" | "job" | "state">;

function actsOn({ state }: ActedOn): readonly RunAct[] {
  return state === "held" ? ["release", "abort"] : ["abort"];
}

/**
 * Buttons for those who are known to the server; whether somebody may do it, the API decides. What a run again would be is shown before
 * it is asked for.
 */
export function Acts({ visit: { me, csrf, url }, run }: { readonly visit: Visit; readonly run: ActedOn }) {
  if (me.kind === "anonymous") return null;
  const { id, job, state } = run;
  if (state === "ended") {
    return (
      <a class="button" href={`/runs/${id}/again`} aria-label={`Run again: ${job}, run ${id}`}>
        Run again
      </a>
    );
  }
  return (
    <form method="post" action={`/runs/${id}`} class="acts">
      <Csrf token={csrf} />
      <input type="hidden" name="return" value={`${url.pathname}${url.search}`} />
      {actsOn(run).map((act) => (
        <button type="submit" name="act" value={act} aria-label={`${titles[act]}: ${job}, run ${id}`}>
          {titles[act]}
        </button>
      ))}
    </form>
  );
}
