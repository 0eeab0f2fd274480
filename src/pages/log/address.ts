/** How the times of lines are shown. */
export const timeModes = ["off", "elapsed", "clock"] as const;
export type TimeMode = (typeof timeModes)[number];

/** What of a log a page shows, and how, as its address says. */
export interface LogAddress {
  /** The first line and the last one that somebody has chosen. */
  readonly chosen: { readonly from: number; readonly to: number } | undefined;
  readonly find: string;
  readonly isExpression: boolean;
  /** Where the search goes on. */
  readonly from: string | undefined;
  /** What is shown where no line is chosen and nothing is looked for. */
  readonly show: "failed" | "end" | undefined;
  readonly times: TimeMode;
  readonly isWrapped: boolean;
  /** The same page with something else in its address; what is `undefined` is left out. */
  with(changes: Readonly<Record<string, string | undefined>>): string;
}

/** What says where in a log one is, and not how it is shown. */
const places = { lines: undefined, find: undefined, regex: undefined, from: undefined, show: undefined };

export function logAddress({ pathname, searchParams }: URL): LogAddress {
  const [, from, to] = /^(\d{1,12})(?:-(\d{1,12}))?$/.exec(searchParams.get("lines") ?? "") ?? [];
  const show = searchParams.get("show");
  return {
    chosen: from === undefined ? undefined : { from: Number(from), to: Number(to ?? from) },
    find: searchParams.get("find") ?? "",
    isExpression: searchParams.get("regex") === "true",
    from: searchParams.get("from") ?? undefined,
    show: show === "failed" || show === "end" ? show : undefined,
    times: timeModes.find((mode) => mode === searchParams.get("times")) ?? "off",
    isWrapped: searchParams.get("wrap") !== "no",
    with(changes) {
      const search = new URLSearchParams(searchParams);
      for (const [name, value] of Object.entries(changes)) {
        if (value === undefined) search.delete(name);
        else search.set(name, value);
      }
      return `${pathname}?${search}`;
    },
  };
}

/** The address of another place in the log, shown in the same way. */
export function placeIn(address: LogAddress, place: Readonly<Record<string, string>>): string {
  return address.with({ ...places, ...place });
}
