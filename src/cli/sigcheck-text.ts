import type { Report } from "../promotion/index.ts";
import { printCauses } from "./causes.ts";
import { groupedSignatures, printPolicies, shortened, withMore } from "./report.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Prints which images lack what, what was signed of it, what is not known and why, and the sums. */
export async function printSignatureCheck(terminal: Terminal, report: Report): Promise<void> {
  const { selectionSentence } = await import("../edges/index.ts");
  const { causesOf, isAboutSignature, signedInWords, sumsOf } = await import("../promotion/index.ts");
  const isMissing = ({ state }: { readonly state: string }): boolean => report.dryRun && state === "pending";
  const table = (title: string, edges: Report["work"]): void => {
    const signatures = edges.filter(isAboutSignature);
    if (signatures.length === 0) return;
    const rows = groupedSignatures(signatures, signedInWords, terminal.verbose).map(
      ({ first, more, words }) => [
        withMore(`${first.destination}@${shortened(first.digest)}`, more),
        words,
        first.at.startsWith(first.destination) ? "its name" : first.at,
      ],
    );
    terminal.print(`${formatTable(["IMAGE", title, "ASKED FOR AT"], rows, terminal.columns)}\n`);
  };
  table("SIGNED", report.work);
  const missing = report.problems.filter(isMissing);
  table("NOT SIGNED", missing);
  if (missing.length > 0)
    terminal.print("a rule of trust.sign asks for it, and nothing there is verified to be by its signer\n");
  await printPolicies(terminal, report.policies ?? []);
  const others = report.problems.filter((edge) => !isMissing(edge));
  printCauses(terminal, causesOf(others, terminal.verbose), "signature");
  if (others.length > 0) terminal.print("");
  terminal.print(
    sumsOf(report, {
      done: "signed",
      present: "signed already",
      ...(report.dryRun ? { pending: "not signed" } : {}),
    }),
  );
  if (report.selection !== undefined) terminal.print(selectionSentence(report.selection));
  if (report.interrupted) terminal.print("stopped before all was done: run it again, it does what is left");
}
