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

/** Milliseconds in the two largest units that they have. */
export function durationInWords(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const units = [
    { name: "d", size: 86_400 },
    { name: "h", size: 3600 },
    { name: "min", size: 60 },
    { name: "s", size: 1 },
  ];
  const first = units.findIndex(({ size }) => seconds >= size);
  if (first === -1) return "0 s";
  let rest = seconds;
  const words: string[] = [];
  for (const { name, size } of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) words.push(`${count} ${name}`);
  }
  return words.join(" ");
}
