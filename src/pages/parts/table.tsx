import type { Child } from "hono/jsx";

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
  readonly rows: readonly Row[];
  /** What stands in its place when it has no rows, and what to do then. */
  readonly empty: Child;
  /** Key of a row, by which it is known again when the table is read anew. */
  readonly keyOf?: ((row: Row) => string) | undefined;
}

/** A table as wide as it must be, which scrolls in its own box. */
export function Table<Row>({ label, columns, rows, empty, keyOf }: TableProps<Row>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
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
          {rows.map((row) => (
            <tr id={keyOf?.(row)}>
              {columns.map(({ cell, isNumber }) => (
                <td class={isNumber === true ? "number" : undefined}>{cell(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
