import type { Command } from "commander";
import { defineBuild } from "./build.ts";
import { defineCheck } from "./check.ts";
import { defineCompare } from "./compare.ts";
import { defineCompletion } from "./completion.ts";
import { defineDemo } from "./demo.ts";
import { UsageError } from "./failure.ts";
import { defineHold, defineUnhold } from "./hold.ts";
import { defineImport } from "./import.ts";
import { defineInspect } from "./inspect.ts";
import { defineJobs } from "./jobs.ts";
import { defineMerge } from "./merge.ts";
import { definePlan } from "./plan.ts";
import { definePr } from "./pr.ts";
import { definePromote } from "./promote.ts";
import { defineRegistry } from "./registry.ts";
import { defineReleaseTags } from "./release-tags.ts";
import { defineReview } from "./review.ts";
import { defineRuns } from "./runs.ts";
import type { Act } from "./session.ts";
import { defineSnapshot } from "./snapshot.ts";
import { defineStaging } from "./staging.ts";
import { defineVerify } from "./verify.ts";
import { defineWait } from "./wait.ts";

/** Every command, in the order of the help. */
export const verbs: readonly ((program: Command, act: Act) => void)[] = [
  defineCheck,
  defineCompare,
  defineReview,
  definePr,
  defineHold,
  defineUnhold,
  defineBuild,
  defineStaging,
  defineMerge,
  definePlan,
  definePromote,
  defineVerify,
  defineWait,
  defineInspect,
  defineSnapshot,
  defineReleaseTags,
  defineRuns,
  defineJobs,
  defineImport,
  defineRegistry,
  defineDemo,
  defineKpromo,
  defineImageBuilder,
  defineCompletion,
];

/** Present for help and completion only: a line that begins with `kpromo` never reaches the parser. */
function defineKpromo(program: Command): void {
  defineIncumbent(program, "kpromo");
}

/** The same for lines that begin with `image-builder`. */
function defineImageBuilder(program: Command): void {
  defineIncumbent(program, "image-builder");
}

function defineIncumbent(program: Command, name: string): void {
  program
    .command(name)
    .description(`run a command line of ${name}, unchanged`)
    .argument("[line...]", `what stands after ${name}`)
    .allowUnknownOption()
    .action(() => {
      throw new UsageError(`${name} has to be the first word: waybill ${name} …`);
    });
}
