import { saidLines } from "../forge/index.ts";
import { holdWordIn } from "../release/index.ts";

/** A command of a comment. Words and their spaces are those that Prow takes. */
export type Command =
  /** Jobs by name, or all that the change concerns. */
  | { readonly name: "test"; readonly jobs: readonly string[] | "all" }
  /** Which jobs there are. */
  | { readonly name: "list-tests" }
  /** All jobs that have failed or not run at the newest commit. */
  | { readonly name: "retest" }
  /** Jobs by name, or all that have failed at the newest commit. */
  | { readonly name: "rerun"; readonly jobs: readonly string[] }
  | { readonly name: "ok-to-test" | "hold" | "hold-cancel" }
  | { readonly name: "lgtm" | "lgtm-cancel" | "approve" | "approve-cancel" };

/** A command, and the line that it stands in. */
export interface SaidCommand {
  readonly command: Command;
  readonly line: string;
}

/** Commands of one comment that are obeyed; a person says no more in one. */
const maxCommands = 20;

/**
 * The commands of a comment, in their order. A command stands at the beginning of a line. What stands in a code block, in a quotation or
 * in a comment of HTML is none, and what begins with another word is somebody else's.
 */
export function commandsIn(body: string): readonly SaidCommand[] {
  const found = saidLines(body).flatMap((line) => {
    const command = commandOf(line);
    return command === undefined ? [] : [{ command, line }];
  });
  return found.slice(0, maxCommands);
}

function commandOf(line: string): Command | undefined {
  if (!line.startsWith("/")) return undefined;
  const held = holdWordIn(line);
  if (held !== undefined) return { name: held ? "hold" : "hold-cancel" };
  if (/^\/lgtm(?: no-issue)?$/i.test(line)) return { name: "lgtm" };
  if (/^\/(?:remove-lgtm|lgtm cancel)$/i.test(line)) return { name: "lgtm-cancel" };
  if (/^\/remove-approve(?:[\t ]|$)/i.test(line)) return { name: "approve-cancel" };
  const approve = /^\/approve(?:[\t ]+(.*))?$/i.exec(line);
  if (approve !== null) return { name: /cancel/i.test(approve[1] ?? "") ? "approve-cancel" : "approve" };
  if (line === "/ok-to-test") return { name: "ok-to-test" };
  if (line === "/retest" || line === "/retest-required") return { name: "retest" };
  if (/^\/test(?: \?)?$/.test(line)) return { name: "list-tests" };
  if (/^\/test all,?(?:$|\s)/.test(line)) return { name: "test", jobs: "all" };
  if (line.startsWith("/test ")) return { name: "test", jobs: namesIn(line.slice("/test".length)) };
  if (line === "/rerun") return { name: "rerun", jobs: [] };
  if (line.startsWith("/rerun ")) return { name: "rerun", jobs: namesIn(line.slice("/rerun".length)) };
  return undefined;
}

/** Names with a space before them, and a comma after them or not. */
function namesIn(text: string): readonly string[] {
  return [...new Set(Array.from(text.matchAll(/(?<= )([^\s]*[^\s,]),?(?=\s|$)/g), ([, name = ""]) => name))];
}
