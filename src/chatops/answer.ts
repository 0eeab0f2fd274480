import { codeSpan } from "../comparison/index.ts";
import type { PullToHeed } from "../triggers/index.ts";
import { lastObeyed, markAnswered, type ObeyedComment, type PullPlace } from "./records.ts";
import type { ChatWorld } from "./world.ts";

/** By what the one comment is found again. */
const answerMarker = "<!-- waybill: commands -->";
/** Comments that it tells of, the newest. */
const maxAnswered = 10;

const maxLine = 80;

/** Says under a pull request what became of the last commands, in one comment. @throws {ForgeError} */
export async function tellOutcomes(
  { db }: Pick<ChatWorld, "db">,
  { project, pull }: Pick<PullToHeed, "project" | "pull">,
  place: PullPlace,
): Promise<void> {
  const last = await lastObeyed(db, place, maxAnswered);
  const text = answerOf(last);
  if (text !== undefined) await project.conversation.put(pull.number, answerMarker, text);
  await markAnswered(
    db,
    place,
    last.map(({ comment }) => comment),
  );
}

/** The comment that says what became of commands, as Markdown; `undefined` where nothing is to be said. */
function answerOf(comments: readonly ObeyedComment[]): string | undefined {
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
