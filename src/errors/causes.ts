import { harmless } from "./harmless.ts";
import type { FailureRecord } from "./index.ts";

/** Something that is not as it should be, at one place: much as a failure tells it. */
export interface Problem extends Omit<FailureRecord, "code" | "registry" | "repository" | "requestId"> {
  /** What became of it, as the verb calls it: `unread`, `failed`, `conflict`. */
  readonly state: string;
  readonly code?: string | undefined;
  /** What it happened to: a reference. */
  readonly what: string;
  /** What of it is told apart at this place alone, such as where a tag stands. */
  readonly detail?: string | undefined;
  /** What failed there, where that is something else: a blob, or the repository that it comes from. */
  readonly where?: string | undefined;
  /** `file:line:column` that asks for it. */
  readonly at?: string | undefined;
}

/** A place of a cause. What one line of a manifest asks of several repositories is one. */
export interface CausePlace {
  readonly what: string;
  /** How many others the same line asks for, to which the same happened. */
  readonly others: number;
  readonly at?: string | undefined;
  readonly where?: string | undefined;
  /** What is told apart here: a detail, or the message where it has other words than that of the cause. */
  readonly detail?: string | undefined;
}

/** What several problems have in common: plain data. */
export interface Cause {
  readonly state: string;
  readonly code?: string | undefined;
  readonly host?: string | undefined;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly count: number;
  /** The first places, or all of them. */
  readonly places: readonly CausePlace[];
  readonly more: number;
}

/** Places of a cause that are shown when not all are. */
const firstPlaces = 3;

/**
 * Problems by what caused them, in the order in which they came. Messages that differ only in what they name, such as a
 * digest, have one cause; hosts do not share any.
 * @param everyPlace Keeps all places, and each repository by itself.
 */
export function groupByCause(problems: readonly Problem[], everyPlace = false): readonly Cause[] {
  const groups = new Map<string, { readonly first: Problem; readonly problems: Problem[] }>();
  for (const problem of problems) {
    const { state, code, host, status, message, hint, pattern } = problem;
    const said = pattern ?? `${message}\n${hint ?? ""}`;
    const key = [state, code, host, status, said].map((part) => part ?? "").join("\n");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: problem, problems: [problem] });
    else group.problems.push(problem);
  }
  return [...groups.values()].map(({ first, problems: all }) => {
    const places = placesOf(all, first, everyPlace);
    const shown = everyPlace ? places : places.slice(0, firstPlaces);
    const { state, code, host, message, hint } = first;
    const more = places.length - shown.length;
    return { state, code, host, message, hint, count: all.length, places: shown, more };
  });
}

function placesOf(problems: readonly Problem[], first: Problem, everyPlace: boolean): CausePlace[] {
  const places = new Map<string, { -readonly [Key in keyof CausePlace]: CausePlace[Key] }>();
  for (const problem of problems) {
    const { what, at, where, message, detail = message === first.message ? undefined : message } = problem;
    const key = at === undefined || everyPlace ? `${what} ${at} ${places.size}` : `${at} ${detail}`;
    const place = places.get(key);
    if (place !== undefined) place.others += 1;
    else places.set(key, { what, others: 0, at, where: where === what ? undefined : where, detail });
  }
  return [...places.values()];
}

/** A failure as part of a problem: what it says, and the host that it happened at. */
export function problemOf({
  code,
  message,
  where,
  hint,
  host,
  registry,
  status,
  pattern,
}: FailureRecord): Pick<Problem, "message" | "pattern" | "code" | "status" | "hint" | "host" | "where"> {
  return { code, status, message, pattern, hint, host: host ?? registry, where };
}

/** How a cause is printed. */
export interface CauseStyle {
  readonly paint: (text: string) => string;
  /** What is counted. */
  readonly noun: string;
}

/**
 * A cause in lines for people: what happened, where first, and what to do about it. All that comes from outside is made
 * harmless.
 */
export function causeInLines(cause: Cause, { paint, noun }: CauseStyle): string[] {
  const { state, host, message, hint, count, places, more } = cause;
  const hints = hint === undefined ? [] : [`    hint: ${harmless(hint)}`];
  const [only] = places;
  if (only !== undefined && places.length === 1 && more === 0) {
    const at = only.at === undefined ? "" : `${harmless(only.at)}: `;
    const where = only.where === undefined ? "" : `${harmless(only.where)}: `;
    const detail = only.detail === undefined ? "" : ` (${harmless(only.detail)})`;
    return [`${paint(state)} ${nameOf(only)}`, `    ${at}${where}${harmless(message)}${detail}`, ...hints];
  }
  return [
    `${paint(state)} ${count} ${noun}s${host === undefined ? "" : ` at ${host}`}: ${harmless(message)}`,
    ...places.map((place) => {
      const at = place.at === undefined ? "" : ` (${harmless(place.at)})`;
      return `    ${nameOf(place)}${at}${place.detail === undefined ? "" : `: ${harmless(place.detail)}`}`;
    }),
    ...(more === 0 ? [] : [`    and ${more} more ${more === 1 ? "place" : "places"}: --verbose shows all`]),
    ...hints,
  ];
}

function nameOf({ what, others }: CausePlace): string {
  return `${harmless(what)}${others === 0 ? "" : ` and ${others} more`}`;
}
