import { stateOfLetter } from "../../../matrix/index.ts";
import type { PromotionDocument, PromotionRowDocument } from "../../../server/index.ts";
import { addressWith, type MatrixSearch } from "./search.ts";
import { inWords, shortNames, signs } from "./words.ts";

/** Rows on a page without scripts. */
export const rowsOnPage = 100;

interface MatrixProps {
  readonly promotion: PromotionDocument;
  readonly search: MatrixSearch;
  readonly rows: readonly PromotionRowDocument[];
  /** All rows that are asked for. */
  readonly total: number;
}

/** Images and mirrors, with the state of each cell: a page of the rows, that a script makes all of them by and by. */
export function Matrix({ promotion, search, rows, total }: MatrixProps) {
  const { mirrors, run } = promotion;
  const names = mirrors.map(({ name }) => name);
  const short = shortNames(names);
  return (
    <section
      {...{
        class: "cells",
        id: "matrix",
        tabindex: 0,
        "aria-label": "Images and mirrors: table",
        "data-kept": "",
      }}
      {...{ "data-total": total, "data-from": search.from, "data-rows": `/runs/${run}/promotion/rows` }}
    >
      <table aria-rowcount={total + 1} aria-colcount={mirrors.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" class="image">
              Image
            </th>
            {names.map((name, mirror) => (
              <th scope="col" class="column" title={name}>
                <a
                  href={addressWith(search, { mirror: search.mirror === name ? undefined : name })}
                  aria-label={name}
                >
                  <span>{short[mirror]}</span>
                </a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <MatrixRows {...{ promotion, search, rows }} />
        </tbody>
      </table>
    </section>
  );
}

/** Rows of the matrix, from a position on. */
export function MatrixRows({ promotion, search, rows }: Omit<MatrixProps, "total">) {
  return (
    <>
      {rows.map((row, index) => (
        <tr aria-rowindex={search.from + index + 2} data-row={row.at}>
          <th
            scope="row"
            class="image"
            title={`${row.project}: ${row.name} ${row.tags.join(" ")} ${row.digest}`}
          >
            <span class="named">{row.name}</span>
            {row.tags.length === 0 ? (
              <code>{row.digest.slice(0, 19)}</code>
            ) : (
              <span class="tags">{row.tags.join(" ")}</span>
            )}
          </th>
          {[...row.cells].map((letter, mirror) => (
            <Cell {...{ promotion, search, row, letter, mirror }} />
          ))}
        </tr>
      ))}
    </>
  );
}

function Cell({
  promotion,
  search,
  row,
  letter,
  mirror,
}: Pick<MatrixProps, "promotion" | "search"> & {
  readonly row: PromotionRowDocument;
  readonly letter: string;
  readonly mirror: number;
}) {
  const state = stateOfLetter(letter);
  if (state === undefined) return <td class="nothing" />;
  const { from } = search;
  return (
    <td>
      <a
        class={`cell ${state}`}
        href={`${addressWith(search, { from, cell: [row.at, mirror] })}#cell`}
        aria-label={inWords(state, promotion)}
      >
        {signs[state]}
      </a>
    </td>
  );
}
