import { auditLog } from "./audit-log.ts";
import { build } from "./build.ts";
import { bundle } from "./bundle.ts";
import { check } from "./check.ts";
import { compare } from "./compare.ts";
import { complete, completion } from "./completion.ts";
import { copy } from "./copy.ts";
import { demo } from "./demo.ts";
import { digest } from "./digest.ts";
import { UsageError } from "./failure.ts";
import { holdVerb, unholdVerb } from "./hold.ts";
import { importJobs } from "./import.ts";
import { inspect } from "./inspect.ts";
import { jobs } from "./jobs.ts";
import { login, logout } from "./login.ts";
import { ls } from "./ls.ts";
import { mergeVerb } from "./merge.ts";
import { newProject } from "./new-project.ts";
import { plan } from "./plan.ts";
import { prVerb } from "./pr.ts";
import { promoteVerb } from "./promote.ts";
import { registry } from "./registry.ts";
import { releaseTagsVerb } from "./release-tags.ts";
import { reviewVerb } from "./review.ts";
import { formerlyInRuns, runs } from "./runs.ts";
import { serveVerb } from "./serve.ts";
import { sigcheck } from "./sigcheck.ts";
import { snapshot } from "./snapshot.ts";
import { tag } from "./tag.ts";
import { trace } from "./trace.ts";
import { type Blank, family, underName, type Verb, verb } from "./verb.ts";
import { verify } from "./verify.ts";
import { wait } from "./wait.ts";

export interface VerbGroup {
  readonly heading: string;
  readonly verbs: readonly Verb[];
}

/** The verbs at the top, in the order of the help. */
export const groups: readonly VerbGroup[] = [
  { heading: "Change", verbs: [check, mergeVerb, prVerb, reviewVerb] },
  { heading: "Promote", verbs: [plan, promoteVerb, verify] },
  { heading: "Look", verbs: [trace, ls, digest, inspect] },
  { heading: "By hand", verbs: [copy, tag] },
  { heading: "Build", verbs: [build] },
  { heading: "Run", verbs: [runs, jobs, serveVerb] },
  { heading: "Registry", verbs: [registry] },
];

/** Verbs that are told in a line of their own: nobody needs them daily. */
export const firstSteps: readonly Verb[] = [sigcheck, bundle, demo, completion, auditLog];

/** Verbs that programs call, and people need not know. */
export const unseen: readonly Verb[] = [complete];

/** Verbs of others that work at the top as well, where hands look for them. */
export const alsoAtTop: readonly Verb[] = [login, logout];

/** A verb that stands elsewhere now, under the name that it had at the top. */
export interface OldVerb {
  readonly verb: Verb;
  /** Its line now, without the name of the program; of each verb in it, where it has some. */
  readonly now: string | Readonly<Record<string, string>>;
  /** The verb that it stood in, and that defines it. */
  readonly above?: string;
}

/** Verbs that work where they were, at the top or in another one, and are not shown. */
export const oldVerbs: readonly OldVerb[] = [
  { verb: wait, now: "verify --wait" },
  { verb: compare, now: "review compare" },
  { verb: holdVerb, now: "pr hold" },
  { verb: unholdVerb, now: "pr unhold" },
  { verb: releaseTagsVerb, now: "pr release-tags" },
  { verb: snapshot, now: "registry snapshot" },
  { verb: familyOf("staging", { new: newProject }), now: { new: "merge new-project" } },
  { verb: importJobs, now: { prow: "jobs import prow" } },
  ...formerlyInRuns.map(({ verb, now }) => ({ verb, now, above: "runs" })),
];

/** Programs whose lines run unchanged: they never reach the parser, which knows them for what it says when they come late. */
export const incumbents: readonly Verb[] = ["kpromo", "image-builder"].map((name) =>
  verb({
    name,
    summary: `run a command line of ${name}, unchanged`,
    examples: [],
    define: (command: Blank) =>
      command.argument("[line...]", `what stands after ${name}`).allowUnknownOption(),
    run: async () => {
      throw new UsageError(`${name} has to be the first word`, `waybill ${name} …`);
    },
  }),
);

/** Verbs in one of another name, each under the name that it has there. */
function familyOf(name: string, below: Readonly<Record<string, Verb>>): Verb {
  const named = Object.entries(below).map(([each, found]) => underName(found, each));
  return family({
    name,
    summary: named.map(({ summary }) => summary).join("; "),
    examples: named.flatMap(({ examples }) => examples),
    below: named,
  });
}
