import { durationInWords } from "./duration.ts";

/** A moment: the script of the page puts it into the reader's zone; without it the time is UTC. */
export function Time({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return <span class="none">–</span>;
  const shown = `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;
  return (
    <time datetime={at} title={shown}>
      {shown}
    </time>
  );
}

/** How long something took, or has taken so far. */
export function Duration({ from, to, now }: { from: string | undefined; to: string | undefined; now: Date }) {
  if (from === undefined) return <span class="none">–</span>;
  const milliseconds = (to === undefined ? now.getTime() : Date.parse(to)) - Date.parse(from);
  return (
    <span class="duration" data-since={to === undefined ? from : undefined}>
      {durationInWords(milliseconds)}
    </span>
  );
}
