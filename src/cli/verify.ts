import { type Cause, shellLine } from "../errors/index.ts";
import { toAll } from "../events/index.ts";
import type { BlobReading, Verification } from "../promotion/index.ts";
import type { Recording } from "../recording/index.ts";
import { amount } from "./amount.ts";
import { outsideInWords } from "./base.ts";
import { printCauses } from "./causes.ts";
import { isDuration, parseDuration } from "./duration.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { readForWork, withTree } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import { formatBytes } from "./progress-tally.ts";
import { recorded, withRecord } from "./recorded.ts";
import { withProgress } from "./registries.ts";
import { printPolicies } from "./report.ts";
import { selectionOf, withSelection } from "./selection.ts";
import type { Session } from "./session.ts";
import { signingFor } from "./signing.ts";
import type { Terminal } from "./terminal.ts";
import { trustFor } from "./trust.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";
import { exitsOfWaiting, waitFor, withWaiting } from "./wait.ts";

const define = (command: Blank) =>
  withRecord(withWaiting(withSelection(withTree(command))))
    .addOption(
      how
        .common(
          "--wait [duration]",
          "wait until production holds everything, whoever promotes it; 2h when left out",
        )
        .conflicts(["deep", "sample", "rate", "record"]),
    )
    .addOption(how.common("--deep", "read every blob as a whole, and hash it"))
    .addOption(
      how.common("--sample <percent[@seed]>", "read so many of the blobs as a whole").conflicts("deep"),
    )
    .addOption(
      how.common("--signatures", "look at who vouches for images, and at policies").conflicts("wait"),
    )
    .addOption(how("--rate <size>", "with --deep or --sample: so many bytes in a second, such as 20MiB"));

type Options = OptionsOf<typeof define>;

export const verify = verb({
  name: "verify",
  summary: "check that production holds every listed image",
  description: "check that production holds every listed image, complete and tagged; or wait until it does",
  examples: [
    ["waybill verify registry.k8s.io", "after a promotion, or any day"],
    ["waybill verify registry.k8s.io --sample 2% --rate 20MiB", "every night: other blobs each day"],
    ["waybill verify registry.k8s.io --sample 2%@2026-11-29", "the same blobs as on that day"],
    ["waybill verify registry.k8s.io --signatures", "who vouches for each image, and policies"],
    ["waybill verify registry.k8s.io --wait 30m", "until everything is there that the manifests ask for"],
    ["waybill verify registry.k8s.io --wait --commit 4f2d0c6b1a9e", "until what a merge asks for is there"],
  ],
  exits: {
    [exitCodes.asDesired]: "every image is there, complete and tagged",
    [exitCodes.notAsDesired]: "findings, or errors in the manifests; with --wait: waiting does not help",
    [exitCodes.notYet]: `with --wait: ${exitsOfWaiting[exitCodes.notYet]}`,
  },
  page: "verify.md",
  define,
  run,
});

/** How long `--wait` waits when it does not say. */
const usualWait = "2h";

async function run(session: Session, named: string, options: Options): Promise<ExitCode> {
  const { wait, changed, sinceDate, base, commit, all } = options;
  if (wait !== undefined) {
    // The parser takes the next word for the duration; it may be the tree.
    const isTree = typeof wait === "string" && !isDuration(wait) && named === ".";
    const time = typeof wait === "string" && !isTree ? wait : usualWait;
    return waitFor(session, isTree ? wait : named, options, parseDuration(time, "--wait"));
  }
  if (changed || all || [sinceDate, base, commit].some((each) => each !== undefined)) {
    throw new UsageError(
      "--base, --changed, --since-date, --commit and --all say what is waited for",
      `add --wait: waybill verify ${named} --wait`,
    );
  }
  const chosen = await chooseBlobs(options);
  return recorded(session, options, { subject: named, checkout: named }, (inner, recording) =>
    verifyTree(inner, recording, named, options, chosen),
  );
}

async function verifyTree(
  session: Session,
  recording: Recording,
  path: string,
  options: Options,
  chosen: BlobReading | undefined,
): Promise<ExitCode> {
  const { selectionSentence } = await import("../edges/index.ts");
  const { causesOfFindings, scopeOf, verifyProduction } = await import("../promotion/index.ts");
  const selection = await selectionOf(options);
  const tree = await readForWork(path, session, selection);
  const scope = scopeOf(tree, { selection });
  const { listener } = recording;
  const named = shellLine([path, ...(session.config === undefined ? [] : ["--config", session.config])]);
  return interruptible(session, (interruption) => {
    const shown = { title: "Verifying repositories", listener, interruption };
    return withProgress(session, shown, async (registries, progress) => {
      const trust = await trustFor(session, tree, registries);
      const verification = await verifyProduction({
        manifests: tree.manifests,
        scope,
        open: registries.repository,
        reading: chosen,
        trust,
        ...(options.signatures ? { signatures: true, signing: await signingFor(session, path) } : {}),
        listener: toAll(progress.listener, listener),
        signal: interruption.stop,
      });
      progress.end();
      await recording.report(verification);
      const { findings } = verification;
      await deliver(session, {
        text: async (shown) => {
          await printPolicies(shown, verification.policies ?? []);
          printVerification(shown, verification, causesOfFindings(findings, shown.verbose, named));
          if (verification.selection !== undefined) shown.print(selectionSentence(verification.selection));
          for (const line of outsideInWords(scope.outsideErrors, true)) shown.print(line);
        },
        json: () => asJson({ ...verification, causes: causesOfFindings(findings, false, named) }),
      });
      if (verification.interrupted) return exitCodes.interrupted;
      const sound = scope.manifestErrors.length === 0;
      return sound && findings.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
    });
  });
}

/** The slowest that readings may be asked to be: below it, registries give up who reads so slowly. */
const minRate = 64 * 1024;

/** Which blobs are to be read as a whole; `undefined` for none. @throws {UsageError} */
async function chooseBlobs({ deep, sample, rate }: Options): Promise<BlobReading | undefined> {
  const { readByteSize } = await import("../settings/index.ts");
  const bytesPerSecond = rate === undefined ? undefined : readByteSize(rate);
  if (rate !== undefined && (bytesPerSecond === undefined || bytesPerSecond < minRate)) {
    throw new UsageError("--rate is a number of bytes in a second, 64KiB or more", "such as 20MiB");
  }
  if (deep) return { percent: 100, seed: "", bytesPerSecond };
  if (sample === undefined) {
    if (rate === undefined) return undefined;
    throw new UsageError("--rate goes with --deep or --sample: nothing else is read that long");
  }
  const [, digits, seed] = /^(\d{1,3}(?:\.\d{1,6})?)%?(?:@(.{1,100}))?$/.exec(sample) ?? [];
  const percent = Number(digits);
  if (!(percent > 0 && percent <= 100)) {
    throw new UsageError("--sample is a part of all blobs in percent", "such as 5%, or 5%@SEED");
  }
  return { percent, seed: seed ?? new Date().toISOString().slice(0, 10), bytesPerSecond };
}

function printVerification(
  terminal: Terminal,
  { findings, repositories, images, tags, blobs, looks, sample, bytesRead }: Verification,
  causes: readonly Cause[],
): void {
  printCauses(terminal, causes, "finding");
  const found = findings.length === 0 ? "all as listed" : amount(findings.length, "finding");
  const seen = [amount(repositories, "repository"), amount(images, "image"), amount(tags, "tag")];
  terminal.print(`${found} (${seen.join(", ")}, ${amount(blobs, "blob")})`);
  const read = `${looks.whole} read as a whole (${formatBytes(bytesRead)})`;
  const others = `of ${looks.firstByte} the first byte, ${looks.asked} only asked for`;
  if (sample !== null) terminal.print(`blobs: ${read}, ${others}`);
  else if (looks.asked > 0) terminal.print(`blobs: ${others}`);
  if (sample !== null && sample.percent < 100) {
    terminal.print(`the same blobs again: --sample ${sample.percent}%@${sample.seed}`);
  }
}
