import { failureRecord, groupByCause, problemOf } from "../errors/index.ts";
import { MergeError, type MergeErrorCode } from "./errors.ts";

export interface Unread {
  readonly name: string;
  readonly error: unknown;
}

/**
 * What could not be read, by cause: a sentence for each, with the first repositories, and what to do about it.
 * @param consequence Why nothing was merged, as the end of the hint.
 */
export function unreadError(
  code: MergeErrorCode,
  unread: readonly Unread[],
  where: string,
  consequence: string,
): MergeError {
  const sorted = unread.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const causes = groupByCause(
    sorted.map(({ name, error }) => ({ state: "unread", what: name, ...problemOf(failureRecord(error)) })),
  );
  const sentences = causes.map(({ message, places, more }) => {
    const names = places.map(({ what }) => what).join(", ");
    return `could not read ${names}${more === 0 ? "" : ` and ${more} more`}: ${message}`;
  });
  const hints = new Set(causes.flatMap(({ hint }) => (hint === undefined ? [] : [hint])));
  return new MergeError(code, sentences.join("\n"), {
    where,
    hint: [...hints, consequence].join("; "),
    cause: sorted[0]?.error,
  });
}

/** What could not be read of a staging registry. */
export function stagingUnread(unread: readonly Unread[], where: string): MergeError {
  const consequence = "nothing was merged: what could not be read may hold what was asked for";
  return unreadError("staging-unread", unread, where, consequence);
}
