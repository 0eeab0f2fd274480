import { codeSpan } from "../comparison/index.ts";
import type { ObeyedComment } from "./records.ts";

/** By what the one comment is found again. */
export const answerMarker = "<!-- waybill: commands -->";
/** Comments that it tells of, the newest. */
export const maxAnswered = 10;

const maxLine = 80;

/** The comment that says what became of commands, as Markdown; `undefined` where nothing is to be said. */
export function answerOf(comments: readonly ObeyedComment[]): string | undefined {
  const isSilent = comments.every(({ outcomes }) => outcomes.every(({ text }) => text === undefined));
  if (isSilent) return undefined;
  const lines = comments.flatMap(({ author, outcomes }) =>
    outcomes.map(({ line, outcome, text }) => {
      const said = `- ${codeSpan(line.slice(0, maxLine))} of ${codeSpan(author)}: `;
      return `${said}${outcome === "refused" ? "**refused**: " : ""}${text ?? "done"}`;
    }),
  );
  return ["### Commands", "", ...lines, "", answerMarker].join("\n");
}
