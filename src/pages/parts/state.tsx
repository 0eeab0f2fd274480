import type { RunDocument, TryDocument } from "../../server/index.ts";

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

type Stateful = Pick<RunDocument, "state" | "result" | "attempt" | "retry">;

/** A run that was begun before and lost its worker, or that failed and is tried again, is told from one that runs for the first time. */
export function stateOf({ state, result, attempt, retry }: Stateful): ShownState {
  if (state === "ended") return resultWords[result ?? "ERROR"];
  if (state === "held") return state;
  return retry !== undefined || (state === "running" && attempt > 1) ? "retrying" : state;
}

const resultWords = { SUCCESS: "success", FAILURE: "failure", ERROR: "error", ABORTED: "aborted" } as const;

/** The same of an attempt: one whose worker died has failed, whatever became of the run. */
export function stateOfTry({ ending }: TryDocument): { readonly of: ShownState; readonly word: string } {
  if (ending === undefined) return { of: "running", word: "running" };
  if (ending === "died") return { of: "error", word: "its worker died" };
  if (ending === "handed-over") return { of: "waiting", word: "handed over" };
  return { of: resultWords[ending], word: resultWords[ending] };
}

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

function Sign({ of }: { readonly of: ShownState }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d={signs[of]} />
    </svg>
  );
}

/** A state as a sign and a word. */
export function State({ of, word }: { readonly of: ShownState; readonly word?: string | undefined }) {
  return (
    <span class={`state ${of}`}>
      <Sign of={of} />
      {word ?? of}
    </span>
  );
}

/** The state of a run; of one that is tried again, which time it is. */
export function RunState({ run }: { readonly run: Stateful }) {
  const { retry } = run;
  const state = stateOf(run);
  if (state !== "retrying" || retry === undefined) return <State of={state} />;
  const time = retry.of === undefined ? retry.attempt : `${retry.attempt}/${retry.of}`;
  return <State of="retrying" word={`${run.state === "waiting" ? "retry" : "retrying"} ${time}`} />;
}

/** Units that the longest bar of a strip is high. */
const tallest = 64;

interface StripMarkProps {
  readonly run: RunDocument;
  /** Its duration as a part of the longest one. */
  readonly part: number;
  /** Its duration in words; nothing while it is not over. */
  readonly took: string | undefined;
}

/** One run of a strip: a link with a bar as high as it took long, a sign of its state, and both in words. */
export function StripMark({ run, part, took }: StripMarkProps) {
  const state = stateOf(run);
  const height = Math.max(2, Math.round(part * tallest));
  const name = `${state}${took === undefined ? "" : ` after ${took}`}, run ${run.id}, ${run.startedAt ?? run.askedAt}`;
  return (
    <li>
      <a href={`/runs/${run.id}`} class={`mark ${state}`} title={name} aria-label={name}>
        <svg viewBox={`0 0 20 ${tallest}`} class="bar-of" aria-hidden="true">
          <rect x="2" y={tallest - height} width="16" height={height} rx="2" />
        </svg>
        <Sign of={state} />
      </a>
    </li>
  );
}
