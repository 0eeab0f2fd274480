import { stateOfLetter } from "../../../matrix/index.ts";
import type { PromotionDocument, PromotionRowDocument, ShownRunDocument } from "../../../server/index.ts";
import { pageOfLine } from "../../parts/links.tsx";
import { addressWith, type MatrixSearch } from "./search.ts";
import { inWords, signs } from "./words.ts";

interface CellProps {
  readonly run: ShownRunDocument;
  readonly promotion: PromotionDocument;
  readonly search: MatrixSearch;
  /** The row of the cell that is looked at. */
  readonly row: PromotionRowDocument | undefined;
}

/** All that there is to say of one cell: what is asked for by which line, what it comes to, and why. */
export function CellPanel({ run, promotion, search, row }: CellProps) {
  const [, mirror = 0] = search.cell ?? [];
  const at = promotion.mirrors[mirror];
  if (row === undefined || at === undefined) return <aside id="cell" data-kept="" hidden />;
  const entries = row.entries.filter(({ cells }) => stateOfLetter(cells[mirror]) !== undefined);
  return (
    <aside id="cell" aria-labelledby="cell-title" tabindex={-1} data-kept="">
      <div class="bar">
        <h2 id="cell-title">{`${row.name} at ${at.name}`}</h2>
        <a class="button" href={addressWith(search, { from: search.from })} data-close>
          Close
        </a>
      </div>
      <dl class="facts">
        <div>
          <dt>To</dt>
          <dd>
            <code>{row.repositories[mirror] ?? "nothing is asked for here, or all of it is as asked"}</code>
          </dd>
        </div>
        {row.source === undefined ? (
          ""
        ) : (
          <div>
            <dt>From</dt>
            <dd>
              <code>{row.source}</code>
            </dd>
          </div>
        )}
        <div>
          <dt>Digest</dt>
          <dd>
            <code>{row.digest}</code>
          </dd>
        </div>
        <div>
          <dt>Project</dt>
          <dd>
            <a href={addressWith(search, { project: row.project })}>{row.project}</a>
          </dd>
        </div>
      </dl>
      <ul class="entries">
        {entries.map(({ tag, at: place, cells, notes }) => {
          const state = stateOfLetter(cells[mirror]) ?? "pending";
          const note = notes.find(({ of }) => of.includes(mirror));
          return (
            <li>
              <p>
                <span class={`cell ${state}`} aria-hidden="true">
                  {signs[state]}
                </span>{" "}
                <strong>{tag ?? "without a tag"}</strong> {inWords(state, promotion)}
                {note?.action === undefined ? "" : note.action === "copy" ? " (copy and tag)" : " (tag only)"}
              </p>
              {note?.why === undefined ? "" : <p>{note.why}</p>}
              {note?.current === undefined ? (
                ""
              ) : (
                <p>
                  It stands at <code>{note.current}</code>
                </p>
              )}
              {note?.hint === undefined ? "" : <p class="way-out">{`What to do: ${note.hint}`}</p>}
              {note?.code === undefined ? "" : <p class="quiet">{`Code: ${note.code}`}</p>}
              <p class="quiet">
                Asked for by <Line run={run} place={place} />
                {note?.policy === undefined ? "" : `; a policy stands against it at ${note.policy}`}
              </p>
            </li>
          );
        })}
      </ul>
    </aside>
  );
}

/** The line of a manifest, with a link where its forge is known. */
function Line({ run, place }: { readonly run: ShownRunDocument; readonly place: string }) {
  const [, file, line] = /^(.*?):([0-9]+)(?::[0-9]+)?$/s.exec(place) ?? [];
  const page =
    file === undefined || line === undefined
      ? undefined
      : pageOfLine(run.repo, run.revision, { file, line: Number(line) });
  if (page === undefined) return <code>{place}</code>;
  return (
    <a href={page.href} rel="noreferrer">
      <code>{place}</code>
    </a>
  );
}
