import { type FailureRecord, shellLine } from "../errors/index.ts";
import { toAll } from "../events/index.ts";
import type { Tag } from "../oci/index.ts";
import type { ImagePlace } from "../registry/index.ts";
import type { Transfer, TransferOutcome, TransferResult, WantedImage } from "../transfer/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { interruptible } from "./interruption.ts";
import { asJson, deliver } from "./output.ts";
import { recorded } from "./recorded.ts";
import { withProgress } from "./registries.ts";
import type { Session } from "./session.ts";
import { how } from "./verb.ts";

/** What is to be where, found out in the repository that it comes from. */
export interface AskedImages {
  readonly wanted: readonly WantedImage[];
  /** Tags that are selected and could not be read. */
  readonly unread?: readonly { readonly tag: Tag; readonly failure: FailureRecord }[];
}

/** What both verbs have that put tags. */
export interface TransferFlags {
  readonly move?: true;
  readonly dryRun?: true;
  readonly referrers?: true;
  readonly record?: string | true;
}

export const moveOption = () =>
  how.common("--move", "move tags that stand elsewhere, and say from where; without it they stay");
export const dryRunOption = () => how.common("--dry-run", "look, say what would be done, and write nothing");

export const transferExits: Readonly<Partial<Record<ExitCode, string>>> = {
  [exitCodes.asDesired]: "all is as asked; a dry run: it would be",
  [exitCodes.nothingDone]: "nothing was done: the image is not there, or that cannot be told",
  [exitCodes.notAsDesired]: "a tag stands elsewhere and stays, or something failed",
};

/** Brings images to where they are wanted, and says what came of it. */
export function runTransfer(
  session: Session,
  places: { readonly from: ImagePlace; readonly to: ImagePlace; readonly subject: string },
  flags: TransferFlags,
  ask: (from: Transfer["from"], session: Session) => Promise<AskedImages>,
): Promise<ExitCode> {
  const { from, to, subject } = places;
  const { move = false, dryRun = false, referrers = false } = flags;
  return recorded(session, flags, { subject }, (inner, recording) =>
    interruptible(inner, async (interruption) => {
      const { transferImages } = await import("../transfer/index.ts");
      const title = from === to ? "Tagging" : "Copying";
      const { listener } = recording;
      const shown = { title, say: inner.terminal.detail, listener, interruption, finishes: true };
      const { outcomes, missed } = await withProgress(inner, shown, async (registries, progress) => {
        const source = registries.at(from);
        const { wanted, unread = [] } = await ask(source, inner);
        const outcomes = await transferImages({
          ...{ from: source, to: registries.at(to), wanted, move, referrers, dryRun },
          names: { from: from.shown, to: to.shown },
          signal: interruption.stop,
          listener: toAll(progress.listener, listener),
        });
        return { outcomes, missed: unread };
      });
      await deliver(inner, {
        text: (terminal) => {
          for (const outcome of outcomes) terminal.print(lineOfTransfer(outcome, to.shown, dryRun));
          for (const { tag, failure } of missed)
            terminal.print(`unread ${from.shown}:${tag}: ${failure.message}`);
        },
        json: () => asJson({ from: from.shown, to: to.shown, dryRun, images: outcomes, unread: missed }),
      });
      tellRest(inner, outcomes, dryRun);
      const status = statusOfTransfers(outcomes);
      return status === exitCodes.asDesired && missed.length > 0 ? exitCodes.notAsDesired : status;
    }),
  );
}

/** What became of an image, in a line. */
export function lineOfTransfer(outcome: TransferOutcome, to: string, dryRun: boolean): string {
  const { tag, digest, result, before, failure } = outcome;
  const name = tag === null ? `${to}@${digest}` : `${to}:${tag}`;
  const what = tag === null ? name : `${name} ${digest}`;
  const lines: Readonly<Record<TransferResult, string>> = {
    present: `already there: ${what}`,
    put: `${dryRun ? "would put" : "put"} ${what}`,
    moved: `${dryRun ? "would move" : "moved"} ${name} from ${before} to ${digest}`,
    refused: `refused ${name}: ${failure?.message}`,
    failed: `failed ${name}: ${failure?.message}`,
    pending: `not begun: ${what}`,
  };
  return lines[result];
}

/** What to do about what is not as asked, each once, and how much there is of what. */
function tellRest({ terminal, line }: Session, outcomes: readonly TransferOutcome[], dryRun: boolean): void {
  for (const hint of new Set(outcomes.flatMap(({ failure }) => failure?.hint ?? [])))
    terminal.note(`hint: ${hint}`);
  if (outcomes.some(({ result }) => result === "refused"))
    terminal.note(`this moves them: ${shellLine(["waybill", line.verb, ...line.words, "--move"])}`);
  if (outcomes.length < 2) return;
  const counts = new Map<TransferResult, number>();
  for (const { result } of outcomes) counts.set(result, (counts.get(result) ?? 0) + 1);
  const words = [...counts].map(([result, count]) => `${count} ${wordFor(result, dryRun)}`);
  const what = outcomes.every(({ tag }) => tag !== null) ? "tag" : "image";
  terminal.note(`${amount(outcomes.length, what)}: ${words.join(", ")}`);
}

function wordFor(result: TransferResult, dryRun: boolean): string {
  if (result === "present") return "already there";
  if (result === "pending") return "not begun";
  if (!dryRun) return result;
  return { put: "to put", moved: "to move", refused: "refused", failed: "failed" }[result];
}

export function statusOfTransfers(outcomes: readonly TransferOutcome[]): ExitCode {
  const has = (...results: readonly TransferResult[]) =>
    outcomes.some(({ result }) => results.includes(result));
  const isCut = outcomes.some(({ failure }) => failure?.code === "interrupted");
  if (has("pending") || isCut) return exitCodes.interrupted;
  return has("refused", "failed") ? exitCodes.notAsDesired : exitCodes.asDesired;
}
