import { Idiomorph } from "idiomorph";
import { VirtualRows } from "./virtual-rows.ts";

/** Milliseconds between two looks at what has changed. */
const every = 100;
/** Milliseconds after which a screen reader is told again how far it is. */
const toldEvery = 10_000;

const base = location.pathname.replace(/\/$/, "");
const main = document.querySelector("main");
const opened = openMatrix();
followCells();
if (main?.dataset.live !== undefined) followPromotion(main, opened);

/** All rows of the matrix, and the way through its cells by keys. */
function openMatrix(): VirtualRows | undefined {
  const box = document.querySelector<HTMLElement>("#matrix");
  const table = box?.querySelector("table");
  if (box === null || table === null || table === undefined) return undefined;
  const pages = document.querySelector<HTMLElement>("#matrix-pages");
  if (pages !== null) pages.hidden = true;
  table.setAttribute("role", "grid");
  /** Where the focus is, or comes first: the position of a row, and the number of a column. */
  let at: readonly [row: number, column: number] = [Number(box.dataset.from), 1];
  /** Whether it is to get the focus when it is there. */
  let isWanted = false;
  const columns = table.tHead?.rows[0]?.cells.length ?? 1;

  const target = ([row, column]: readonly [number, number]): HTMLElement | undefined => {
    const cell = rows?.rowAt(row)?.cells[column];
    return cell?.querySelector<HTMLElement>("a") ?? cell;
  };
  const show = (): void => {
    const found = target(at);
    if (found === undefined) return;
    for (const other of table.querySelectorAll<HTMLElement>('tbody [tabindex="0"]')) other.tabIndex = -1;
    found.tabIndex = 0;
    if (!isWanted) return;
    isWanted = false;
    found.focus();
  };
  const added = (some: readonly HTMLTableRowElement[]): void => {
    for (const row of some) for (const link of row.querySelectorAll("a")) link.tabIndex = -1;
    // What is far away is no place to begin at.
    const seen = rows?.seen;
    const isFar = seen !== undefined && (at[0] < seen.from - 60 || at[0] > seen.from + seen.count + 60);
    if (isFar && !isWanted) at = [seen.from, at[1]];
    show();
  };
  let rows: VirtualRows | undefined;
  rows = new VirtualRows(
    box,
    async (from, count) => {
      const search = new URLSearchParams(location.search);
      search.delete("cell");
      search.set("from", String(from));
      search.set("count", String(count));
      const text = await textOf(`${base}/rows?${search}`);
      if (text === undefined) return undefined;
      const template = document.createElement("template");
      template.innerHTML = text;
      return [...template.content.querySelectorAll("tr")];
    },
    added,
  );
  box.tabIndex = -1;
  show();

  const positionOf = (element: Element): readonly [number, number] | undefined => {
    const cell = element.closest<HTMLTableCellElement>("tbody td, tbody th");
    const index = Number(cell?.closest("tr")?.getAttribute("aria-rowindex"));
    return cell === null || !(index >= 2) ? undefined : [index - 2, cell.cellIndex];
  };
  box.addEventListener("focusin", (event) => {
    const position = event.target instanceof Element ? positionOf(event.target) : undefined;
    if (position === undefined) return;
    at = position;
    show();
  });
  box.addEventListener("keydown", (event) => {
    const [row, column] = at;
    const page = Math.max(1, (rows?.seen.count ?? 2) - 2);
    const last = (rows?.total ?? 1) - 1;
    const isAll = event.ctrlKey || event.metaKey;
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      PageUp: [row - page, column],
      PageDown: [row + page, column],
      Home: isAll ? [0, 1] : [row, 1],
      End: isAll ? [last, columns - 1] : [row, columns - 1],
    };
    const move = moves[event.key];
    if (move === undefined || event.altKey) return;
    event.preventDefault();
    at = [Math.min(last, Math.max(0, move[0])), Math.min(columns - 1, Math.max(0, move[1]))];
    isWanted = true;
    rows?.reveal(at[0]);
    const found = target(at);
    if (found !== undefined && found.tabIndex !== 0) found.tabIndex = -1;
    show();
  });
  return rows;
}

/** Shows a cell beside the matrix, under the address that a page without scripts has for it. */
function followCells(): void {
  let from: HTMLElement | undefined;
  const close = (): void => {
    const panel = document.querySelector<HTMLElement>("#cell");
    if (panel === null || panel.hidden) return;
    panel.hidden = true;
    from?.focus();
    from = undefined;
  };
  const open = async (search: string, isAsked: boolean): Promise<void> => {
    const text = await textOf(`${base}/cell${search}`);
    const panel = document.querySelector<HTMLElement>("#cell");
    if (text === undefined || panel === null) return;
    panel.outerHTML = text;
    if (isAsked) document.querySelector<HTMLElement>("#cell")?.focus();
  };
  document.addEventListener("click", (event) => {
    const clicked = event.target instanceof Element ? event.target : undefined;
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = clicked?.closest<HTMLAnchorElement>("#matrix a.cell, #cell a[data-close]");
    if (link === null || link === undefined) return;
    event.preventDefault();
    history.pushState(null, "", link.href.replace(/#.*$/, ""));
    if (link.dataset.close !== undefined) {
      close();
      return;
    }
    from = link;
    void open(new URL(link.href).search, true);
  });
  document.addEventListener("keydown", (event) => {
    const panel = document.querySelector<HTMLElement>("#cell");
    if (event.key !== "Escape" || panel === null || panel.hidden) return;
    const search = new URLSearchParams(location.search);
    search.delete("cell");
    history.pushState(null, "", `${location.pathname}?${search}`);
    close();
  });
  addEventListener("popstate", () => {
    if (new URLSearchParams(location.search).has("cell")) void open(location.search, false);
    else close();
  });
}

/** Keeps what is shown as new as the run is. */
function followPromotion(main: HTMLElement, matrix: VirtualRows | undefined): void {
  let rows = matrix;
  let isReading = false;
  let isDue = false;
  let told = Number.NEGATIVE_INFINITY;
  const stateOf = (within: ParentNode): string | undefined =>
    within.querySelector<HTMLElement>("#promotion")?.dataset.state;

  const whole = async (): Promise<void> => {
    const text = await textOf(location.href);
    const other =
      text === undefined ? null : new DOMParser().parseFromString(text, "text/html").querySelector("main");
    if (other === null) return;
    morph(main, other);
    if (rows === undefined) rows = openMatrix();
  };
  const read = async (): Promise<void> => {
    const text = await textOf(`${base}/part${location.search}`);
    document.body.classList.toggle("stale", text === undefined);
    if (text === undefined) return;
    const template = document.createElement("template");
    template.innerHTML = text;
    const part = template.content;
    const now = part.querySelector<HTMLElement>("#promotion");
    const hasRows = Number(now?.dataset.total ?? 0) > 0;
    if (stateOf(part) !== stateOf(document) || (rows === undefined && hasRows)) await whole();
    for (const id of ["promotion", "mirrors", "problems"]) {
      const [known, other] = [main.querySelector(`#${id}`), part.querySelector(`#${id}`)];
      if (known !== null && other !== null) morph(known, other);
    }
    if (now?.dataset.total !== undefined) await rows?.renew(Number(now.dataset.total));
    const status = document.querySelector("#promotion-status strong")?.textContent;
    const teller = document.querySelector("#promotion-told");
    if (teller !== null && status !== undefined && performance.now() - told > toldEvery) {
      told = performance.now();
      teller.textContent = status;
    }
  };
  const soon = (): void => {
    isDue = true;
    if (isReading) return;
    isReading = true;
    isDue = false;
    void read().finally(() =>
      setTimeout(() => {
        isReading = false;
        if (isDue) soon();
      }, every),
    );
  };
  document.addEventListener("told", (event) => {
    const { event: name, data } = (event as CustomEvent<{ event: string; data: string }>).detail;
    if (name === "promotion") soon();
    if (name === "run" && base.includes(`/${(JSON.parse(data) as { id: string }).id}/`)) soon();
  });
}

function morph(known: Element, other: Element): void {
  const beforeNodeMorphed = (node: Node): boolean => !(node instanceof HTMLElement && "kept" in node.dataset);
  void Idiomorph.morph(known, other, {
    ...{ restoreFocus: true, ignoreActiveValue: true, callbacks: { beforeNodeMorphed } },
  });
}

async function textOf(address: string): Promise<string | undefined> {
  const answer = await fetch(address, { headers: { accept: "text/html" } }).catch(() => undefined);
  return answer?.ok === true ? answer.text().catch(() => undefined) : undefined;
}
