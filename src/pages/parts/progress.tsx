import type { RunDocument } from "../../server/index.ts";

/** How far a run is: a bar where it can be counted, and its words. */
export function Progress({ run: { progress } }: { readonly run: Pick<RunDocument, "progress"> }) {
  if (progress === undefined) return <span class="none">–</span>;
  const { text, done, total } = progress;
  if (done === undefined || total === undefined || total === 0) return <span>{text}</span>;
  return (
    <span class="progress">
      <progress class="meter" value={done} max={total} aria-hidden="true" />
      {text}
    </span>
  );
}
