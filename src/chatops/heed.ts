import { isWaybillError } from "../errors/index.ts";
import { type Comment, ForgeError } from "../forge/index.ts";
import { ReleaseError } from "../release/index.ts";
import type { PullToHeed } from "../triggers/index.ts";
import { tellOutcomes } from "./answer.ts";
import { type CarriedOut, type Commanded, carryOut, dropOldLabels } from "./carry-out.ts";
import { decide } from "./decide.ts";
import { ChatopsError } from "./errors.ts";
import { openFinder } from "./facts.ts";
import { commandsIn, type SaidCommand } from "./grammar.ts";
import {
  type CommandOutcome,
  claimComment,
  isUnanswered,
  obeyedIds,
  type PullPlace,
  placeOf,
  recordComment,
  releaseComment,
} from "./records.ts";
import type { ChatWorld } from "./world.ts";

/**
 * Reads what is said under a pull request, and obeys what was not obeyed yet: each comment once, in the order in which they were written,
 * whoever looks and however often. Comments of programs, our own among them, are no commands, nor is what somebody has changed
 * afterwards. Says in one comment what was refused, and why.
 * @returns How many comments were obeyed or refused.
 * @throws {ForgeError}, {GitError}, {DatabaseError}, {ChatopsError} when it cannot be known now what may be done: what was not obeyed is
 * obeyed when it is called again.
 */
export async function heedComments(world: ChatWorld, heeded: PullToHeed): Promise<number> {
  const { url, project, pull, isFirst } = heeded;
  const place = placeOf(url, pull.number);
  if (!isFirst) await dropOldLabels(world, heeded, place);
  const comments = await project.conversation.comments(pull.number);
  const said = comments.filter(({ isByBot, body }) => !isByBot && commandsIn(body).length > 0);
  const known = said.length === 0 ? new Set<string>() : await obeyedIds(world.db, place);
  const fresh = said.filter(({ id }) => !known.has(id));
  if (isFirst) {
    for (const comment of fresh) await recordComment(world.db, place, comment, [], world.now());
    return 0;
  }
  const obeyed = fresh.length === 0 ? 0 : await obeyAll(world, heeded, place, fresh);
  // Also what could not be told the last time, or was said on a page.
  if (await isUnanswered(world.db, place)) await tellOutcomes(world, heeded, place);
  return obeyed;
}

async function obeyAll(
  world: ChatWorld,
  heeded: PullToHeed,
  place: PullPlace,
  comments: readonly Comment[],
): Promise<number> {
  const forge = await world.forgeOf(heeded.url);
  const self = (await forge.user()).toLowerCase();
  let obeyed = 0;
  for (const comment of comments.filter(({ author }) => author.toLowerCase() !== self)) {
    if (!(await claimComment(world.db, place, comment, world.now()))) {
      throw new ChatopsError("busy", "another process is at what somebody has said there", {
        where: heeded.pull.url,
      });
    }
    try {
      await obey(world, heeded, place, comment, forge);
    } catch (error) {
      await releaseComment(world.db, place, comment.id);
      throw error;
    }
    obeyed += 1;
  }
  return obeyed;
}

async function obey(
  world: ChatWorld,
  heeded: PullToHeed,
  place: PullPlace,
  comment: Comment,
  forge: Awaited<ReturnType<ChatWorld["forgeOf"]>>,
): Promise<void> {
  const commands = commandsIn(comment.body);
  const finder = openFinder(world, forge, heeded);
  const outcomes: CommandOutcome[] = [];
  const writes: CarriedOut["write"][] = [];
  for (const said of commands) {
    const commanded = {
      ...{ world, heeded, place, finder, kind: forge.kind },
      ...{ who: comment.author, at: comment.createdAt, line: said.line },
    };
    const { outcome, write } = await obeyOne(commanded, said, comment.isEdited);
    outcomes.push(outcome);
    if (write !== undefined) writes.push(write);
  }
  await world.db.transaction(async (sql) => {
    for (const write of writes) await write(sql);
    await recordComment(sql, place, comment, outcomes, world.now());
  });
}

async function obeyOne(
  commanded: Commanded,
  { command, line }: SaidCommand,
  isEdited: boolean,
): Promise<{ readonly outcome: CommandOutcome; readonly write?: CarriedOut["write"] }> {
  const refused = (text: string) => ({ outcome: { line, outcome: "refused", text } }) as const;
  if (isEdited) return refused("the comment was changed after it was written: write it anew");
  const decision = decide(command, await commanded.finder.factsFor(command, commanded.who));
  if ("refusal" in decision) return refused(decision.refusal);
  try {
    const { text, write } = await carryOut(decision.act, commanded);
    return { outcome: { line, outcome: "done", text }, write };
  } catch (error) {
    if (!isFinal(error)) throw error;
    return refused(
      isWaybillError(error) && error.hint !== undefined ? `${error.message}; ${error.hint}` : error.message,
    );
  }
}

/** What the forge will not do is told to whoever asked for it; what it cannot do now is done later. */
export function isFinal(error: unknown): error is Error {
  if (error instanceof ReleaseError) return true;
  return error instanceof ForgeError && /^(?:forbidden|refused|not-found)$/.test(error.code);
}
