import type { Command } from "commander";
import { UsageError } from "./failure.ts";
import { addExamples } from "./help.ts";

/** Present for help and completion only: a line that begins with `kpromo` never reaches the parser. */
export function defineKpromo(program: Command): void {
  const command = program
    .command("kpromo")
    .description("run a command line of kpromo, unchanged")
    .argument("[line...]", "what stands after kpromo")
    .allowUnknownOption()
    .action(() => {
      throw new UsageError("kpromo has to be the first word: waybill kpromo …");
    });
  addExamples(command, [
    ["waybill kpromo cip --thin-manifest-dir=registry.k8s.io --confirm", "promote a tree of manifests"],
    [
      "waybill kpromo mm --base_dir=registry.k8s.io --staging_repo=gcr.io/k8s-staging-kubernetes --filter_tag=v1.30.0",
      "add what staging holds to a manifest",
    ],
  ]);
}
