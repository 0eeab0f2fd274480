import type { ProductionImageDocument } from "../../server/index.ts";

/** How something is in production; `old` is what was there when somebody looked last, which is too long ago. */
export type ShownHealth = ProductionImageDocument["health"] | "old";

/** The healths that are not as asked, the worst first, as filters name them. */
export const offHealths = ["failed", "elsewhere", "damaged", "contested", "missing", "unread"] as const;

/** What each is called. */
export const healthWords: Readonly<Record<ShownHealth, string>> = {
  there: "there",
  failed: "failed",
  elsewhere: "other digest",
  damaged: "damaged",
  contested: "claimed twice",
  missing: "missing",
  unread: "unread",
  old: "was there",
};

/** Strokes of a sign 16 units wide: who sees no colors sees what it is. */
const signs: Readonly<Record<ShownHealth, string>> = {
  there: "M3.5 8.5l3 3 6-7",
  failed: "M4 4l8 8M12 4l-8 8",
  elsewhere: "M3 5.5h9M9.5 3l2.5 2.5M13 10.5H4M6.5 13L4 10.5",
  damaged: "M9 2L5.5 8.5h5L7 14",
  contested: "M3.5 6h9M3.5 10h9M10 3L6 13",
  missing: "M3.5 8h9",
  unread: "M5.8 6a2.2 2.2 0 1 1 3 2c-.6.3-.8.7-.8 1.5M8 12.7v.2",
  old: "M8 4v4.2l2.8 1.8",
};

/** The sign alone. */
export function HealthSign({ of }: { readonly of: ShownHealth }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d={signs[of]} />
    </svg>
  );
}

/** The health of something as a sign and a word. */
export function Health({ of, word }: { readonly of: ShownHealth; readonly word?: string | undefined }) {
  return (
    <span class={`state health-${of}`}>
      <HealthSign of={of} />
      {word ?? healthWords[of]}
    </span>
  );
}

/** What a health is to whoever looks now. */
export function healthNow(health: ProductionImageDocument["health"], isStale: boolean): ShownHealth {
  return health === "there" && isStale ? "old" : health;
}

/** What the signs of a matrix stand for. */
export function HealthLegend() {
  return (
    <ul class="legend" aria-label="Signs">
      {(["there", ...offHealths, "old"] as const).map((health) => (
        <li>
          <Health of={health} />
        </li>
      ))}
    </ul>
  );
}
