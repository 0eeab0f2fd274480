import { mirrorsOf } from "./mirrors.ts";
import type { CellNote, MatrixEdge, MatrixEntry, MatrixRow } from "./model.ts";
import { bitsOf, type CellState, letterOf, rankOf, stateOfLetter, worseOf } from "./states.ts";

/** A tag of a row, while it changes: where it goes, and what is to be said of it there. */
interface OpenEntry {
  readonly tag: string | null;
  readonly at: string;
  readonly states: Map<string, CellState>;
  readonly notes: Map<string, CellNote>;
}

/** A row while it changes: by where it goes, until it is known which mirrors there are. */
interface OpenRow {
  readonly project: string;
  readonly source: string | undefined;
  readonly digest: string;
  readonly entries: Map<string, OpenEntry>;
}

/** Gathers edges by image, until all are known: then it is known which mirrors there are. */
export class MatrixDraft {
  readonly #rows = new Map<string, OpenRow>();

  add(edge: MatrixEdge): void {
    const { project, source, digest, destination, tag, at, state, note } = edge;
    const key = keyOfRow(edge);
    const row = this.#rows.get(key) ?? { project, source, digest, entries: new Map() };
    this.#rows.set(key, row);
    const entryKey = `${tag ?? ""}\n${at}`;
    const entry = row.entries.get(entryKey) ?? { tag, at, states: new Map(), notes: new Map() };
    row.entries.set(entryKey, entry);
    entry.states.set(destination, state);
    if (note !== undefined) entry.notes.set(destination, note);
  }

  /** The matrix of what was added. */
  close(): OpenMatrix {
    const rows = [...this.#rows].map(([key, row]) => ({ key, row, base: baseOf(row) }));
    const registries = new Map<string, Set<string>>();
    for (const { row, base } of rows) {
      for (const destination of destinationsOf(row)) {
        const registry = registryOf(destination, base);
        const projects = registries.get(registry) ?? new Set();
        registries.set(registry, projects.add(row.project));
      }
    }
    const mirrors = mirrorsOf(registries);
    const names = [...new Set(mirrors.values())].sort();
    const numbers = new Map(names.map((name, number) => [name, number]));
    const placed = rows.map(({ key, row, base }) => {
      const numberOf = (destination: string) => numbers.get(mirrors.get(registryOf(destination, base)) ?? "");
      return { key, row: new LiveRow(row, numberOf, names) };
    });
    placed.sort((one, other) => inOrder(one.row, other.row));
    for (const [at, { row }] of placed.entries()) row.at = at;
    return { mirrors: names, rows: new Map(placed.map(({ key, row }) => [key, row])) };
  }
}

/** A matrix whose cells still change. */
export interface OpenMatrix {
  /** Their names, in order. */
  readonly mirrors: readonly string[];
  /** By {@link keyOfRow}, in order. */
  readonly rows: ReadonlyMap<string, LiveRow>;
}

/** What a row is known by. */
export function keyOfRow({
  project,
  source,
  digest,
}: Pick<MatrixEdge, "project" | "source" | "digest">): string {
  return `${project}\n${source ?? ""}\n${digest}`;
}

/** Some edges of a row: all that are in a state, go to a repository, or are of a tag, as far as these are named. */
export interface EdgesOfRow {
  readonly from?: CellState | undefined;
  readonly destination?: string | undefined;
  readonly tag?: string | null | undefined;
}

/** A row whose cells change. */
export class LiveRow {
  at = 0;
  readonly project: string;
  readonly name: string;
  readonly digest: string;
  readonly tags: readonly string[];
  readonly #source: string | undefined;
  readonly #numberOf: (destination: string) => number | undefined;
  readonly #others: Readonly<Record<number, string>>;
  readonly #entries: { tag: string | null; at: string; letters: string[]; notes: Map<number, CellNote> }[];

  /** @param numberOf The number of the mirror that a repository is at. */
  constructor(
    row: OpenRow,
    numberOf: (destination: string) => number | undefined,
    mirrors: readonly string[],
  ) {
    this.project = row.project;
    this.digest = row.digest;
    this.#source = row.source;
    this.#numberOf = numberOf;
    const destinations = destinationsOf(row);
    const [first = ""] = destinations;
    const nameAt = (destination: string) => mirrors[numberOf(destination) ?? 0] ?? "";
    this.name = first.slice(nameAt(first).length + 1);
    const others = destinations.filter((name) => name !== `${nameAt(name)}/${this.name}`);
    this.#others = Object.fromEntries(others.map((name) => [numberOf(name) ?? 0, name]));
    this.#entries = [...row.entries.values()].map(({ tag, at, states, notes }) => {
      const letters: string[] = mirrors.map(() => letterOf(undefined));
      for (const [destination, state] of states) {
        const number = numberOf(destination) ?? 0;
        letters[number] = letterOf(worseOf(state, stateOfLetter(letters[number])));
      }
      const numbered = [...notes].map(([destination, note]) => [numberOf(destination) ?? 0, note] as const);
      return { tag, at, letters, notes: new Map(numbered) };
    });
    this.#entries.sort((one, other) => byNumbers.compare(one.tag ?? "", other.tag ?? ""));
    this.tags = [...new Set(this.#entries.flatMap(({ tag }) => tag ?? []))];
  }

  /** Each listed edge, with the number of its mirror. */
  *edges(): Generator<{ readonly mirror: number; readonly state: CellState }> {
    for (const { letters } of this.#entries) {
      for (const [mirror, letter] of letters.entries()) {
        const state = stateOfLetter(letter);
        if (state !== undefined) yield { mirror, state };
      }
    }
  }

  /**
   * Sets the state of edges.
   * @param changed Is told of each that has another state from now on.
   */
  set(
    state: CellState,
    of: EdgesOfRow,
    changed: (mirror: number, before: CellState) => void,
    note?: CellNote,
  ): void {
    const only = of.destination === undefined ? undefined : this.#numberOf(of.destination);
    if (of.destination !== undefined && only === undefined) return;
    for (const { tag, letters, notes } of this.#entries) {
      if (of.tag !== undefined && tag !== of.tag) continue;
      for (const [mirror, letter] of letters.entries()) {
        const before = stateOfLetter(letter);
        if (before === undefined || before === state) continue;
        if ((only !== undefined && mirror !== only) || (of.from !== undefined && before !== of.from))
          continue;
        letters[mirror] = letterOf(state);
        if (note !== undefined) notes.set(mirror, { ...notes.get(mirror), ...note });
        changed(mirror, before);
      }
    }
  }

  /** The line that asks for an edge. */
  placeOf(tag: string | null): string | undefined {
    return this.#entries.find((entry) => entry.tag === tag)?.at;
  }

  /** How bad the worst of it is, and which states it has, as bits. */
  get standing(): { readonly worst: number; readonly states: number } {
    const states = [...this.edges()].map(({ state }) => state);
    return { worst: Math.min(rankOf(undefined), ...states.map(rankOf)), states: bitsOf(states) };
  }

  /** It as plain data. */
  read(): MatrixRow {
    const { at, project, name, digest, tags } = this;
    const entries = this.#entries.map(({ tag, at, letters, notes }): MatrixEntry => {
      return { tag, at, cells: letters.join(""), notes: alike(notes) };
    });
    const cells = [...(entries[0]?.cells ?? "")].map((_, mirror) =>
      letterOf(
        entries
          .map((entry) => stateOfLetter(entry.cells[mirror]))
          .reduce((worst, state) => worseOf(worst, state), undefined),
      ),
    );
    const [source, others] = [this.#source, this.#others];
    return { at, project, name, source, digest, tags, cells: cells.join(""), entries, others };
  }
}

/** Notes that say the same are one. */
function alike(notes: ReadonlyMap<number, CellNote>): MatrixEntry["notes"] {
  const known = new Map<string, { note: CellNote; of: number[] }>();
  for (const [mirror, note] of notes) {
    const key = JSON.stringify(note);
    const same = known.get(key);
    if (same === undefined) known.set(key, { note, of: [mirror] });
    else same.of.push(mirror);
  }
  return [...known.values()].map(({ note, of }) => ({ ...note, of }));
}

function destinationsOf({ entries }: OpenRow): readonly string[] {
  return [...new Set([...entries.values()].flatMap(({ states }) => [...states.keys()]))];
}

/**
 * What the image is called below its registries: the end that all of its repositories share, its source among them; without one, and
 * with one repository alone, the last segment.
 */
function baseOf(row: OpenRow): string {
  const source = row.source === undefined ? [] : [row.source];
  const [first = [], ...others] = [...destinationsOf(row), ...source].map((name) => name.split("/"));
  let length = others.length === 0 ? 1 : first.length - 1;
  for (const other of others) {
    let shared = 0;
    while (shared < length && first.at(-1 - shared) === other.at(-1 - shared)) shared += 1;
    length = shared;
  }
  return first.slice(first.length - Math.max(1, length)).join("/");
}

function registryOf(destination: string, base: string): string {
  return destination.endsWith(`/${base}`)
    ? destination.slice(0, -base.length - 1)
    : destination.slice(0, destination.lastIndexOf("/"));
}

const byNumbers = new Intl.Collator("en", { numeric: true });

function inOrder(one: LiveRow, other: LiveRow): number {
  return (
    compared(one.project, other.project) ||
    compared(one.name, other.name) ||
    byNumbers.compare(one.tags[0] ?? "", other.tags[0] ?? "") ||
    compared(one.digest, other.digest)
  );
}

function compared(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
