import { cellStates } from "../../../matrix/index.ts";

/** What of a promotion a page shows, as its address says it. */
export interface MatrixSearch {
  readonly state: string | undefined;
  readonly project: string | undefined;
  readonly image: string | undefined;
  readonly mirror: string | undefined;
  readonly order: "image" | "worst";
  /** The position of the first row, among those that are asked for. */
  readonly from: number;
  /** The cell that is looked at: the number of its row and that of its mirror. */
  readonly cell: readonly [row: number, mirror: number] | undefined;
}

const stateNames: ReadonlySet<string> = new Set(["problem", ...cellStates.map(({ state }) => state)]);

/** Reads an address; what makes no sense in it is left out. */
export function searchOf(params: URLSearchParams): MatrixSearch {
  const text = (name: string, most: number): string | undefined => {
    const value = params.get(name)?.trim() ?? "";
    return value === "" ? undefined : value.slice(0, most);
  };
  const names =
    text("state", 300)
      ?.split(",")
      .filter((name) => stateNames.has(name)) ?? [];
  const [, row, mirror] = /^([0-9]{1,9})\.([0-9]{1,5})$/.exec(params.get("cell") ?? "") ?? [];
  return {
    state: names.length === 0 ? undefined : names.join(","),
    project: text("project", 200),
    image: text("image", 300),
    mirror: text("mirror", 500),
    order: params.get("order") === "worst" ? "worst" : "image",
    from: Number(/^[0-9]{1,7}$/.exec(params.get("from") ?? "")?.[0] ?? 0),
    cell: row === undefined || mirror === undefined ? undefined : [Number(row), Number(mirror)],
  };
}

/** What the API is asked for. */
export function filtersOf({
  state,
  project,
  image,
  mirror,
}: MatrixSearch): Record<string, string | undefined> {
  return { state, project, image, mirror };
}

/** The same page with something otherwise; positions and cells are of one selection alone. */
export function addressWith(search: MatrixSearch, changes: Partial<MatrixSearch>): string {
  const { state, project, image, mirror, order, from, cell } = {
    ...search,
    ...{ from: 0, cell: undefined },
    ...changes,
  };
  const params = new URLSearchParams();
  const values = { state, project, image, mirror, order: order === "worst" ? order : undefined };
  for (const [name, value] of Object.entries(values)) if (value !== undefined) params.set(name, value);
  if (from > 0) params.set("from", String(from));
  if (cell !== undefined) params.set("cell", cell.join("."));
  return `?${params}`;
}
