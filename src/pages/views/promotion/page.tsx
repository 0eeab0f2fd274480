import { cellStates, isProblemState } from "../../../matrix/index.ts";
import type {
  PromotionDocument,
  PromotionEdgeDocument,
  PromotionRowDocument,
  ShownRunDocument,
} from "../../../server/index.ts";
import { ApiFailure } from "../../api.ts";
import { State, stateOf } from "../../parts/state.tsx";
import { Formats, Table } from "../../parts/table.tsx";
import { countOf } from "../../parts/words.ts";
import type { Listed } from "../../tables.ts";
import type { Answered, Visit } from "../../visit.ts";
import { ApprovalSection, approvalOf } from "./approval.tsx";
import { CellPanel } from "./cell.tsx";
import { Matrix, MatrixRows, rowsOnPage } from "./matrix.tsx";
import { Causes, Now, Sums } from "./now.tsx";
import { addressWith, filtersOf, type MatrixSearch, searchOf } from "./search.ts";
import { inWords } from "./words.ts";

/** What a run promotes, would promote or has found: images and mirrors, what goes on, and what is wrong. */
export async function promotionPage(visit: Visit, id: string): Promise<Answered> {
  const { api } = visit;
  const run = await api.get<ShownRunDocument>(`/runs/${id}`);
  const search = searchOf(visit.url.searchParams);
  const promotion = await promotionOf(visit, id);
  const live = { isLive: run.state !== "ended", about: "none", stream: `run=${id}&promotion=1` };
  const frame = { title: `Promotion of ${run.job} ${id}`, part: "/runs", ...live, script: "promotion.js" };
  const heading = (
    <h1>
      <a href={`/runs/${id}`}>{run.job}</a> {titles[promotion?.kind ?? "promotion"]}{" "}
      <State of={stateOf(run)} />
    </h1>
  );
  if (promotion === undefined) {
    return visit.page(
      frame,
      <>
        {heading}
        <Nothing run={run} />
      </>,
    );
  }
  const shown = await shownOf(visit, id, search);
  const approval = await approvalOf(visit, run);
  return visit.page(
    frame,
    <>
      {heading}
      <p class="unseen" role="status" id="promotion-told" data-kept="" />
      <div id="promotion" data-state={run.state}>
        <Sums {...{ promotion, search }} />
        <Now promotion={promotion} />
      </div>
      <section class="table" aria-labelledby="matrix-title">
        <h2 id="matrix-title">
          Images × mirrors{" "}
          <span class="count">{`${countOf(shown.total)} × ${promotion.mirrors.length}`}</span>
        </h2>
        <Filters {...{ promotion, search }} />
        {promotion.rows === 0 ? (
          <p class="empty">
            {promotion.isWhole
              ? "Nothing is listed: all is as asked."
              : promotion.isCutOff
                ? "It was cut off before anything was listed: look at the log of the run."
                : "Nothing is planned yet."}
          </p>
        ) : shown.total === 0 ? (
          <p class="empty">
            No image is like that. <a href="?">All images</a>
          </p>
        ) : (
          <div class="side-by-side">
            <div class="broad">
              <Matrix {...{ promotion, search, ...shown }} />
              <Pages search={search} total={shown.total} />
              <Formats of={shown.list} label="Images and mirrors" />
            </div>
            <CellPanel {...{ run, promotion, search, row: shown.row }} />
          </div>
        )}
      </section>
      <Mirrors {...{ visit, promotion, search }} />
      <div id="problems">
        <Problems {...{ promotion, search, problems: shown.problems }} />
      </div>
      {approval === undefined ? "" : <ApprovalSection {...{ run, promotion, approval }} />}
    </>,
  );
}

/** Nothing is known of images and mirrors, or not yet. */
function Nothing({ run: { id, state } }: { readonly run: Pick<ShownRunDocument, "id" | "state"> }) {
  return (
    <p class="empty" id="promotion" data-state={state}>
      {state === "ended"
        ? "This run has kept nothing of images and mirrors. "
        : "It has not begun to plan: this page shows the plan as soon as there is one. "}
      <a href={`/runs/${id}`}>The run</a>
    </p>
  );
}

/** What changes of the page while the run goes on, beside the matrix. */
export async function promotionPart(visit: Visit, id: string): Promise<Answered> {
  const search = searchOf(visit.url.searchParams);
  const promotion = await promotionOf(visit, id);
  if (promotion === undefined) {
    return visit.fragment(<Nothing run={await visit.api.get<ShownRunDocument>(`/runs/${id}`)} />);
  }
  const [problems, { rows: total }] = await Promise.all([
    problemsOf(visit, id),
    visit.api.get<{ rows: number }>(`/runs/${id}/promotion/count`, filtersOf(search)),
  ]);
  return visit.fragment(
    <>
      <div id="promotion" data-state={promotion.state} data-total={total}>
        <Sums {...{ promotion, search }} />
        <Now promotion={promotion} />
      </div>
      <Mirrors {...{ visit, promotion, search }} />
      <div id="problems">
        <Problems {...{ promotion, search, problems }} />
      </div>
    </>,
  );
}

/** Rows of the matrix from a position on, for the script that shows all of them. */
export async function promotionRows(visit: Visit, id: string): Promise<Answered> {
  const search = searchOf(visit.url.searchParams);
  const [promotion, { items }] = await Promise.all([
    promotionOf(visit, id),
    rowsOf(visit, id, search, rowsAtOnce),
  ]);
  if (promotion === undefined) return visit.fragment("");
  return visit.fragment(<MatrixRows {...{ promotion, search, rows: items }} />);
}

/** Rows that a script is given at most. */
const rowsAtOnce = 50;

/** One cell, for the script that shows it beside the matrix. */
export async function promotionCell(visit: Visit, id: string): Promise<Answered> {
  const { api } = visit;
  const search = searchOf(visit.url.searchParams);
  const run = await api.get<ShownRunDocument>(`/runs/${id}`);
  const promotion = await promotionOf(visit, id);
  if (promotion === undefined) return visit.fragment(<aside id="cell" data-kept="" hidden />);
  return visit.fragment(<CellPanel {...{ run, promotion, search, row: await rowOf(visit, id, search) }} />);
}

const titles = { promotion: "promotion", plan: "plan", verification: "verification" } as const;

/** All but the rows; `undefined` where nothing is known of images and mirrors. */
async function promotionOf({ api }: Visit, id: string): Promise<PromotionDocument | undefined> {
  try {
    return await api.get<PromotionDocument>(`/runs/${id}/promotion`);
  } catch (error) {
    if (error instanceof ApiFailure && error.problem.code === "no-matrix") return undefined;
    throw error;
  }
}

async function shownOf(visit: Visit, id: string, search: MatrixSearch) {
  const { api } = visit;
  const list = await rowsOf(visit, id, search, rowsOnPage);
  const [{ rows: total }, problems, row] = await Promise.all([
    api.get<{ rows: number }>(`/runs/${id}/promotion/count`, filtersOf(search)),
    problemsOf(visit, id),
    rowOf(visit, id, search),
  ]);
  return { list, rows: list.items, total, problems, row };
}

function rowsOf(visit: Visit, id: string, search: MatrixSearch, most: number) {
  const { order, from } = search;
  const asked = Number(visit.url.searchParams.get("count") ?? most);
  const limit = String(Math.min(most, Math.max(1, asked > 0 ? asked : most)));
  const query = { ...filtersOf(search), order, skip: String(from), limit };
  return visit.list<PromotionRowDocument>("matrix", `/runs/${id}/promotion/rows`, query);
}

function problemsOf(visit: Visit, id: string): Promise<Listed<PromotionEdgeDocument>> {
  const query = { state: "problem", order: "worst", limit: "50" };
  return visit.list<PromotionEdgeDocument>("problems", `/runs/${id}/promotion/edges`, query);
}

/** The row of the cell that is looked at; none where the address names none that there is. */
async function rowOf({ api }: Visit, id: string, { cell }: MatrixSearch) {
  if (cell === undefined) return undefined;
  try {
    return await api.get<PromotionRowDocument>(`/runs/${id}/promotion/rows/${cell[0]}`);
  } catch (error) {
    if (error instanceof ApiFailure && error.problem.status === 404) return undefined;
    throw error;
  }
}

interface PromotionProps {
  readonly promotion: PromotionDocument;
  readonly search: MatrixSearch;
}

function Filters({ promotion, search }: PromotionProps) {
  const { counts, projects, mirrors } = promotion;
  const found = cellStates.filter(({ state }) => (counts[state] ?? 0) > 0);
  return (
    <form class="filters">
      <label>
        Image, tag or digest <input name="image" value={search.image ?? ""} maxlength={300} />
      </label>
      <Choice {...{ label: "State", name: "state", any: "any", chosen: search.state }}>
        {[
          ["problem", "any problem"],
          ...found.map(({ state }) => [state, inWords(state, promotion)] as const),
        ]}
      </Choice>
      <Choice {...{ label: "Project", name: "project", any: "all", chosen: search.project }}>
        {projects.map((project) => [project, project])}
      </Choice>
      <Choice {...{ label: "Mirror", name: "mirror", any: "all", chosen: search.mirror }}>
        {mirrors.map(({ name }) => [name, name])}
      </Choice>
      <Choice
        {...{
          label: "First",
          name: "order",
          any: "by name",
          chosen: search.order === "worst" ? "worst" : undefined,
        }}
      >
        {[["worst", "what is worst"]]}
      </Choice>
      <button type="submit">Show</button>
    </form>
  );
}

function Choice({
  label,
  name,
  any,
  chosen,
  children,
}: {
  readonly label: string;
  readonly name: string;
  /** What it is called that nothing is chosen. */
  readonly any: string;
  readonly chosen: string | undefined;
  readonly children: readonly (readonly string[])[];
}) {
  const isKnown = chosen === undefined || children.some(([value]) => value === chosen);
  return (
    <label>
      {label}{" "}
      <select name={name}>
        <option value="">{any}</option>
        {isKnown ? "" : <option selected>{chosen}</option>}
        {children.map(([value, words]) => (
          <option value={value} selected={value === chosen}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The way through the rows without scripts. */
function Pages({ search, total }: { readonly search: MatrixSearch; readonly total: number }) {
  const { from } = search;
  const next = from + rowsOnPage;
  return (
    <nav aria-label="Pages of the matrix" class="bar" id="matrix-pages">
      <span class="quiet">{`Images ${countOf(from + 1)} to ${countOf(Math.min(total, next))} of ${countOf(total)}`}</span>
      {from === 0 ? "" : <a href={addressWith(search, { from: Math.max(0, from - rowsOnPage) })}>Before</a>}
      {next >= total ? "" : <a href={addressWith(search, { from: next })}>After</a>}
    </nav>
  );
}

/** The sums of each mirror. */
function Mirrors({ visit, promotion, search }: PromotionProps & { readonly visit: Visit }) {
  const rows = promotion.mirrors.map(({ name, counts }) => {
    const sum = (is: (state: keyof typeof counts) => boolean): number =>
      cellStates.reduce((all, { state }) => all + (is(state) ? (counts[state] ?? 0) : 0), 0);
    return {
      name,
      done: counts.done ?? 0,
      copying: counts.copying ?? 0,
      waiting: counts.pending ?? 0,
      problems: sum(isProblemState),
    };
  });
  return (
    <section id="mirrors" aria-labelledby="mirrors-title">
      <h2 id="mirrors-title">Mirrors</h2>
      <Table
        label="Mirrors"
        columns={[
          { title: "Mirror", cell: ({ name }) => <a href={addressWith(search, { mirror: name })}>{name}</a> },
          { title: "Done", cell: ({ done }) => countOf(done), isNumber: true },
          {
            title: promotion.isCutOff ? "Cut off" : "Being copied",
            cell: ({ copying }) => countOf(copying),
            isNumber: true,
          },
          {
            title: promotion.isDry
              ? "To do"
              : promotion.isWhole
                ? "Not begun"
                : promotion.isCutOff
                  ? "Not known"
                  : "Waiting",
            cell: ({ waiting }) => countOf(waiting),
            isNumber: true,
          },
          {
            title: "Problems",
            cell: ({ name, problems }) =>
              problems === 0 ? (
                "0"
              ) : (
                <a href={addressWith(search, { mirror: name, state: "problem" })}>{countOf(problems)}</a>
              ),
            isNumber: true,
          },
        ]}
        of={visit.rows("mirrors", rows)}
        empty="No mirror is known yet."
      />
    </section>
  );
}

function Problems({
  promotion,
  search,
  problems,
}: PromotionProps & { readonly problems: Listed<PromotionEdgeDocument> }) {
  return (
    <>
      <Causes {...{ promotion, search }} />
      <section aria-labelledby="problems-title">
        <h2 id="problems-title">List of problems</h2>
        <Table
          label="Problems"
          columns={[
            {
              title: "State",
              cell: ({ state }) => <span class="state failure">{inWords(state, promotion)}</span>,
            },
            {
              title: "What",
              cell: ({ repository, tag, digest }) => (
                <code>
                  {tag === undefined ? `${repository}@${digest.slice(0, 19)}…` : `${repository}:${tag}`}
                </code>
              ),
            },
            { title: "Why", cell: ({ why }) => why ?? "" },
            { title: "What to do", cell: ({ hint }) => hint ?? "" },
            { title: "Asked for at", cell: ({ at }) => <code>{at}</code> },
          ]}
          of={problems}
          empty={promotion.isWhole ? "There are none." : "There are none so far."}
        />
        {problems.next === undefined ? (
          ""
        ) : (
          <p class="quiet">The first 50; CSV and JSON have up to 500 at a time.</p>
        )}
      </section>
    </>
  );
}
