import { type Command, Option } from "commander";
import type { MergeFormat, MergeResult } from "../merge/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { addExamples, collect } from "./help.ts";
import { openRegistriesFor } from "./registries.ts";
import type { Act, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

/** The words of the command line for the forms of a list of images. */
const formats = {
  "in-place": "in-place",
  canonical: "snapshot",
  "canonical-pr": "pr",
} as const satisfies Record<string, MergeFormat>;

interface Options {
  readonly baseDir: string;
  readonly stagingRepo: string;
  readonly image?: readonly string[];
  readonly digest?: readonly string[];
  readonly tag?: readonly string[];
  readonly format: keyof typeof formats;
  readonly skipProduction?: boolean;
  readonly dryRun?: boolean;
}

export function defineMerge(program: Command, act: Act): void {
  const command = program
    .command("merge")
    .description("add what a staging registry holds to the manifest that promotes it")
    .addOption(new Option("--staging-repo <registry>", "staging registry to read").makeOptionMandatory())
    .addOption(
      new Option("--base-dir <path>", "directory of thin manifests, or one plain manifest").default("."),
    )
    .addOption(filter("--image <name>", "take only these images; repeatable, globs as in kube-*"))
    .addOption(filter("--digest <digest>", "take only these digests; repeatable"))
    .addOption(filter("--tag <tag>", "take only these tags; repeatable, globs; latest only if named"))
    .addOption(
      new Option("--format <format>", "edit in place, or write the list anew as cip-mm or kpromo pr do")
        .choices(Object.keys(formats))
        .default("in-place"),
    )
    .addOption(new Option("--skip-production", "do not look whether a tag is taken in production"))
    .addOption(new Option("--dry-run", "print the change, and do not make it"))
    .action(act(run));
  const line = "waybill merge --base-dir registry.k8s.io --staging-repo gcr.io/k8s-staging-foo";
  addExamples(command, [
    [`${line} --tag v1.30.0`, "a release"],
    [`${line} --tag 'v1.30.*' --image 'kube-*' --dry-run`, "see what would be added"],
  ]);
}

function filter(flags: string, description: string): Option {
  return new Option(flags, description).argParser(collect);
}

async function run(session: Session, options: Options): Promise<ExitCode> {
  const { terminal } = session;
  const { merge } = await import("../merge/index.ts");
  const { image: images = [], digest: digests = [], tag: tags = [] } = options;
  const registries = await openRegistriesFor(session);
  try {
    const result = await merge({
      tree: options.baseDir,
      staging: options.stagingRepo,
      filters: { images, digests, tags },
      format: formats[options.format],
      skipProduction: options.skipProduction ?? false,
      dryRun: options.dryRun ?? false,
      open: registries.repository,
      catalog: registries.catalog,
    });
    for (const warning of result.warnings) terminal.warn(warning);
    if (terminal.json) printJson(terminal, result);
    else printText(terminal, result, options.dryRun ?? false);
    return exitCodes.asDesired;
  } finally {
    await registries.close();
  }
}

function printJson(terminal: Terminal, { before: _, after: __, ...result }: MergeResult): void {
  terminal.printJson({ format: "waybill-merge/1", ...result });
}

function printText(terminal: Terminal, { file, added, present, diff }: MergeResult, dryRun: boolean): void {
  if (dryRun) {
    terminal.write(diff);
  } else {
    for (const { image, digest, tag, line } of added) {
      terminal.print(`${file}:${line}: added ${image}@${digest}${tag === undefined ? "" : ` as ${tag}`}`);
    }
  }
  terminal.note(`${added.length} ${dryRun ? "to add" : "added"}, ${present.length} already there`);
}
