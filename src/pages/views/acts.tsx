import type { RunDocument } from "../../server/index.ts";
import { Csrf } from "../layout.tsx";
import type { Visit } from "../visit.ts";

/** What may be done to a run, by its state. */
export const acts = ["release", "abort", "rerun"] as const;
export type RunAct = (typeof acts)[number];

const titles: Readonly<Record<RunAct, string>> = {
  release: "Release",
  abort: "Abort",
  rerun: "Run again",
};

/** The acts that a run in such a state can be given. */
export function actsOn({ state }: Pick<RunDocument, "state">): readonly RunAct[] {
  if (state === "ended") return ["rerun"];
  return state === "held" ? ["release", "abort"] : ["abort"];
}

/** Buttons for those who are known to the server; whether somebody may do it, the API decides. */
export function Acts({
  visit: { me, csrf, url },
  run,
}: {
  readonly visit: Visit;
  readonly run: RunDocument;
}) {
  if (me.kind === "anonymous") return null;
  return (
    <form method="post" action={`/runs/${run.id}`} class="acts">
      <Csrf token={csrf} />
      <input type="hidden" name="return" value={`${url.pathname}${url.search}`} />
      {actsOn(run).map((act) => (
        <button type="submit" name="act" value={act} aria-label={`${titles[act]}: ${run.job}, run ${run.id}`}>
          {titles[act]}
        </button>
      ))}
    </form>
  );
}
