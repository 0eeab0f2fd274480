import type { Child } from "hono/jsx";
import type { Listed } from "../tables.ts";

/** A column: its title, and what stands in it. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Child;
  /** Numbers stand below each other by their last digit. */
  readonly isNumber?: boolean;
}

interface TableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly of: Listed<Row>;
  /** What stands in its place when it has no rows, and what to do then. */
  readonly empty: Child;
  /** Key of a row, by which it is known again when the table is read anew. */
  readonly keyOf?: ((row: Row) => string) | undefined;
}

/** A table as wide as it must be, which scrolls in its own box; with it, the ways to take it elsewhere. */
export function Table<Row>({ label, columns, of, empty, keyOf }: TableProps<Row>) {
  if (of.items.length === 0) return <p class="empty">{empty}</p>;
  return (
    <div class="table">
      <section class="scroll" aria-label={`${label}: table`} tabindex={0}>
        <table>
          <thead>
            <tr>
              {columns.map(({ title, isNumber }) => (
                <th scope="col" class={isNumber === true ? "number" : undefined}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {of.items.map((row) => (
              <tr id={keyOf?.(row)}>
                {columns.map(({ cell, isNumber }) => (
                  <td class={isNumber === true ? "number" : undefined}>{cell(row)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <Formats of={of} label={label} />
    </div>
  );
}

/** The ways to take a list elsewhere. Copying needs a script, which shows its button. */
export function Formats({
  of: { addresses },
  label,
}: {
  of: Pick<Listed<unknown>, "addresses">;
  label: string;
}) {
  return (
    <p class="formats">
      <button type="button" class="plain" data-copy hidden aria-label={`Copy the table ${label} as text`}>
        Copy
      </button>
      <a href={addresses.json} aria-label={`${label} as JSON`}>
        JSON
      </a>
      <a href={addresses.csv} aria-label={`${label} as CSV`}>
        CSV
      </a>
    </p>
  );
}
