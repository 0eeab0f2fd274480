import { holdsOf, holdWordIn } from "../release/index.ts";
import type { KeptPull } from "./model.ts";

/** What holds a pull request. */
export interface PullHold {
  readonly by: "label" | "draft" | "command";
  /** Who has said so, as far as it was said by a command; the name on the forge. */
  readonly who: string | undefined;
  readonly why: string | undefined;
  readonly since: Date | undefined;
}

/** A command under a pull request that was obeyed. */
interface Obeyed {
  readonly who: string;
  readonly line: string;
  readonly at: Date;
  readonly isDone: boolean;
}

/**
 * What holds a pull request now, and who has said so. What its label and its being a draft say counts; of a hold by nothing but the status of a
 * commit, the last command tells.
 * @param commands In any order.
 */
export function holdIn(
  { labels, draft, heldSince }: Pick<KeptPull, "labels" | "draft" | "heldSince">,
  commands: readonly Obeyed[],
): PullHold | undefined {
  const [last] = commands
    .filter(({ line, isDone }) => isDone && holdWordIn(line) !== undefined)
    .sort((one, other) => other.at.getTime() - one.at.getTime());
  const isAsked = last !== undefined && holdWordIn(last.line) === true;
  const [means] = holdsOf({ labels, draft }, []);
  if (means === undefined && !isAsked) return undefined;
  const by = means === "label" || means === "draft" ? means : "command";
  if (!isAsked) return { by, who: undefined, why: undefined, since: heldSince };
  const why = /^\/hold\s+(.+)$/i.exec(last.line)?.[1]?.trim();
  return { by, who: last.who, why, since: last.at };
}
