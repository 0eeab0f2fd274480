import { UsageError } from "../failure.ts";
import { translateCip } from "./cip.ts";
import { translateCipMm } from "./cip-mm.ts";
import { type Flag, type Help, helpFlags, readGoFlags, type Translation } from "./go-flags.ts";
import { translatePr } from "./pr.ts";
import { translateSigcheck } from "./sigcheck.ts";

/** Subcommands that Waybill has nothing for, with what comes nearest. */
const missing: Readonly<Record<string, string>> = {
  run: "files are not promoted yet, only images",
  gh: "releases of a code host are not promoted yet, only images",
  manifest: "file manifests are not read yet; waybill check reads those of images",
};

const help = `Usage: waybill kpromo <command> [flags]

Runs lines of kpromo: cip as waybill promote, check or registry snapshot, mm as waybill merge, pr as waybill pr,
sigcheck as waybill sigcheck, and version. Each command shows its flags with --help.

Examples:
  # promote a tree of manifests
  waybill kpromo cip --thin-manifest-dir=registry.k8s.io --confirm

  # add what staging holds to a manifest
  waybill kpromo mm --base_dir=registry.k8s.io --staging_repo=gcr.io/k8s-staging-foo --filter_tag=v1.30.0`;

const ownFlags: Readonly<Record<string, Flag>> = { "log-level": { kind: "text", means: "" }, ...helpFlags };

/** A line of the living `kpromo`, without its name. @throws {UsageError} for subcommands that Waybill does not have. */
export function translateKpromo(line: readonly string[], environment: NodeJS.ProcessEnv): Translation | Help {
  const start = line.findIndex((word, index) => !word.startsWith("-") && !takesValue(line[index - 1]));
  if (start < 0) {
    readGoFlags(line, ownFlags);
    return { help };
  }
  const [subcommand = "", ...rest] = line.slice(start);
  const flags = [...line.slice(0, start), ...rest];
  switch (subcommand) {
    case "cip":
      return translateCip(flags, "kpromo cip", environment);
    case "mm":
      return translateCipMm(flags, "kpromo mm");
    case "pr":
      return translatePr(flags);
    case "sigcheck":
      return translateSigcheck(flags);
    case "version":
      return { command: ["--version"], notices: [] };
    case "help":
      return { help };
    default:
      throw new UsageError(
        `Waybill does not run kpromo ${subcommand}`,
        missing[subcommand] ?? "it runs kpromo cip, kpromo mm, kpromo pr and kpromo sigcheck",
      );
  }
}

/** Whether the word before is a flag of kpromo itself whose value follows. */
function takesValue(before: string | undefined): boolean {
  return before !== undefined && /^--?log-level$/.test(before);
}
