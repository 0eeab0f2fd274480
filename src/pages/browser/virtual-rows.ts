/** Rows that are put in and taken out together. */
const chunkRows = 10;
/** Groups that are kept on either side of what is seen. */
const around = 2;

/** Gives rows from a position on, as the server makes them; nothing when it cannot. */
export type LoadRows = (from: number, count: number) => Promise<readonly HTMLTableRowElement[] | undefined>;

interface Chunk {
  readonly body: HTMLTableSectionElement;
  isLoaded: boolean;
  /** It may have changed since it was loaded. */
  isStale: boolean;
}

/**
 * A table of as many rows as there are, of which those alone are in the page that are looked at, and some around them. All rows are of one
 * height, so that the place of each is known.
 */
export class VirtualRows {
  readonly #box: HTMLElement;
  readonly #table: HTMLTableElement;
  readonly #load: LoadRows;
  readonly #added: (rows: readonly HTMLTableRowElement[]) => void;
  readonly #height: number;
  readonly #before = spaceOf();
  readonly #after = spaceOf();
  readonly #chunks = new Map<number, Chunk>();
  #total: number;
  #isDue = false;

  /** @param added Called with rows that come into the page. */
  constructor(box: HTMLElement, load: LoadRows, added: (rows: readonly HTMLTableRowElement[]) => void) {
    const table = box.querySelector("table");
    const first = table?.tBodies[0];
    if (table === null || table === undefined || first === undefined) throw new Error("a table without rows");
    [this.#box, this.#table, this.#load, this.#added] = [box, table, load, added];
    this.#total = Number(box.dataset.total);
    const rows = [...first.rows];
    this.#height = rows[0]?.getBoundingClientRect().height ?? 28;
    // Of a table as wide as this, no browser looks at all cells to find out how wide its columns are.
    table.style.width = `${table.getBoundingClientRect().width}px`;
    const from = Number(box.dataset.from);
    first.remove();
    table.append(this.#before.body, this.#after.body);
    // What the server has sent already need not be asked for again.
    if (from % chunkRows === 0) {
      for (let at = 0; at < rows.length; at += chunkRows) {
        const some = rows.slice(at, at + chunkRows);
        const isWhole = some.length === chunkRows || from + at + some.length === this.#total;
        if (isWhole) this.#put((from + at) / chunkRows, some);
      }
    }
    box.scrollTop = from * this.#height;
    box.addEventListener("scroll", this.#soon, { passive: true });
    addEventListener("resize", this.#soon, { passive: true });
    this.#show();
  }

  /** All rows of it, in the page or not. */
  get total(): number {
    return this.#total;
  }

  /** Rows that are looked at: the first, and how many. */
  get seen(): { readonly from: number; readonly count: number } {
    const head = this.#table.tHead?.offsetHeight ?? 0;
    const from = Math.max(0, Math.floor(this.#box.scrollTop / this.#height));
    return { from, count: Math.ceil((this.#box.clientHeight - head) / this.#height) + 1 };
  }

  /** A row that is in the page. */
  rowAt(position: number): HTMLTableRowElement | undefined {
    const chunk = this.#chunks.get(Math.floor(position / chunkRows));
    return chunk?.isLoaded === true ? chunk.body.rows[position % chunkRows] : undefined;
  }

  /** Brings a row into sight. */
  reveal(position: number): void {
    const head = this.#table.tHead?.offsetHeight ?? 0;
    const [top, bottom] = [position * this.#height, (position + 1) * this.#height];
    const { scrollTop, clientHeight } = this.#box;
    if (top < scrollTop) this.#box.scrollTop = top;
    else if (bottom > scrollTop + clientHeight - head) this.#box.scrollTop = bottom - clientHeight + head;
    this.#show();
  }

  /** Reads anew what is looked at; what is not, when it is. */
  async renew(total: number): Promise<void> {
    this.#total = total;
    for (const chunk of this.#chunks.values()) chunk.isStale = true;
    this.#show();
  }

  readonly #soon = (): void => {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#show();
    });
  };

  #show(): void {
    const last = Math.max(0, Math.ceil(this.#total / chunkRows) - 1);
    const { from, count } = this.seen;
    const first = Math.min(last, Math.floor(from / chunkRows));
    const end = Math.min(last, Math.floor((from + count) / chunkRows));
    const [low, high] = [Math.max(0, first - around), Math.min(last, end + around)];
    for (const [number, { body }] of this.#chunks) {
      if (number >= low && number <= high) continue;
      // The focus is not lost: it is on the table from then on.
      if (body.contains(document.activeElement)) this.#box.focus({ preventScroll: true });
      body.remove();
      this.#chunks.delete(number);
    }
    for (let number = low; number <= high; number += 1) {
      const known = this.#chunks.get(number);
      if (known === undefined) {
        this.#put(number, undefined);
        void this.#read(number);
      } else if (known.isStale && number >= first && number <= end) {
        known.isStale = false;
        void this.#read(number);
      }
    }
    heighten(this.#before, low * chunkRows * this.#height);
    heighten(this.#after, Math.max(0, this.#total - (high + 1) * chunkRows) * this.#height);
  }

  /** Puts a chunk where it belongs; without rows, the place for them. */
  #put(number: number, rows: readonly HTMLTableRowElement[] | undefined): void {
    const body = document.createElement("tbody");
    const chunk = { body, isLoaded: rows !== undefined, isStale: false };
    if (rows === undefined) {
      const size = Math.min(chunkRows, this.#total - number * chunkRows);
      const space = spaceOf();
      heighten(space, size * this.#height);
      body.append(...space.body.rows);
    } else body.append(...rows);
    const following = [...this.#chunks.keys()].filter((other) => other > number);
    const next = following.length === 0 ? undefined : this.#chunks.get(Math.min(...following));
    this.#chunks.set(number, chunk);
    this.#table.insertBefore(body, next?.body ?? this.#after.body);
    if (rows !== undefined) this.#added(rows);
  }

  async #read(number: number): Promise<void> {
    const rows = await this.#load(number * chunkRows, chunkRows);
    const chunk = this.#chunks.get(number);
    if (rows === undefined || chunk === undefined) return;
    if (!chunk.isLoaded) {
      chunk.body.replaceChildren(...rows);
      chunk.isLoaded = true;
      this.#added(rows);
      return;
    }
    for (const [at, row] of rows.entries()) {
      const known = chunk.body.rows[at];
      if (known === undefined) chunk.body.append(row);
      else if (known.dataset.row === row.dataset.row) changeCells(known, row);
      else known.replaceWith(row);
    }
    while (chunk.body.rows.length > rows.length) chunk.body.deleteRow(-1);
    this.#added([...chunk.body.rows]);
  }
}

/** Makes cells say what others say; what has the focus keeps it. */
function changeCells(row: HTMLTableRowElement, other: HTMLTableRowElement): void {
  for (const [at, cell] of [...row.cells].entries()) {
    const [link, now] = [cell.querySelector("a.cell"), other.cells[at]?.querySelector("a.cell")];
    if (link === null || now === null || now === undefined || link.className === now.className) continue;
    link.className = now.className;
    link.textContent = now.textContent;
    link.setAttribute("aria-label", now.getAttribute("aria-label") ?? "");
  }
}

interface Space {
  readonly body: HTMLTableSectionElement;
  readonly cell: HTMLTableCellElement;
}

/** The place of rows that are not in the page. */
function spaceOf(): Space {
  const body = document.createElement("tbody");
  body.className = "space";
  const row = body.insertRow();
  row.setAttribute("aria-hidden", "true");
  const cell = row.insertCell();
  cell.className = "blank";
  return { body, cell };
}

function heighten({ body, cell }: Space, pixels: number): void {
  body.hidden = pixels === 0;
  cell.style.height = `${pixels}px`;
}
