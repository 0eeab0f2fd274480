import type { RunDocument } from "../../server/index.ts";

/** What a run is, in one word: where it is on its way, or how it ended. */
export type ShownState =
  | "success"
  | "failure"
  | "error"
  | "aborted"
  | "running"
  | "retrying"
  | "waiting"
  | "held";

/** A run that was begun before and lost its worker is told from one that runs for the first time. */
export function stateOf({
  state,
  result,
  attempt,
}: Pick<RunDocument, "state" | "result" | "attempt">): ShownState {
  if (state === "ended") return resultWords[result ?? "ERROR"];
  if (state === "running") return attempt > 1 ? "retrying" : "running";
  return state;
}

const resultWords = { SUCCESS: "success", FAILURE: "failure", ERROR: "error", ABORTED: "aborted" } as const;

/** Strokes of a sign 16 units wide: who sees no colors sees what it is. */
const signs: Readonly<Record<ShownState, string>> = {
  success: "M3.5 8.5l3 3 6-7",
  failure: "M4 4l8 8M12 4l-8 8",
  error: "M8 3v6.5M8 12.2v.3",
  aborted: "M4 12L12 4",
  running: "M8 3a5 5 0 1 1-5 5",
  retrying: "M12.5 5.5A5 5 0 1 0 13 8M13 3v3h-3",
  waiting: "M8 4v4.2l2.8 1.8",
  held: "M6 4v8M10 4v8",
};

/** The state of a run as a sign and a word. */
export function State({ of, word }: { readonly of: ShownState; readonly word?: string | undefined }) {
  return (
    <span class={`state ${of}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={signs[of]} />
      </svg>
      {word ?? of}
    </span>
  );
}

/** One run of a strip: a link with its state as its name. */
export function StripMark({ run, height }: { readonly run: RunDocument; readonly height: number }) {
  const state = stateOf(run);
  const name = `${state}, run ${run.id}, ${run.startedAt ?? run.askedAt}`;
  return (
    <li>
      <a href={`/runs/${run.id}`} class={`mark ${state} tall-${height}`} title={name}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d={signs[state]} />
        </svg>
        <span class="unseen">{name}</span>
      </a>
    </li>
  );
}
