import { setTimeout as sleep } from "node:timers/promises";
import { troublesOfVerification } from "../production/index.ts";
import { causesOfFindings, scopeOf, type Verification, verifyProduction } from "../promotion/index.ts";
import { trustOf } from "../trust/index.ts";
import { isOwnBranch } from "./own-branch.ts";
import { manifestsOfHead } from "./promote.ts";
import { sayCauses, type Work, type WorkDone } from "./work.ts";

/** Milliseconds between two looks, in which a promotion that is under way may end. */
const pause = 60_000;

/** Compares production with what the manifests at the head of the job's branch ask for. */
export async function verifyHead(work: Work<"verify">): Promise<WorkDone> {
  const { job, recording, matrix, say, ending, environment } = work;
  const { manifests, attempts = 1, deep, sample, signatures = false } = job.work.verify;
  const percent = deep === true ? 100 : sample === undefined ? undefined : Number.parseFloat(sample);
  // Other blobs each day.
  const seed = new Date().toISOString().slice(0, 10);
  const { tree, place, commit } = await manifestsOfHead(work, manifests);
  const isOwn = await isOwnBranch(work, place.ref);
  const scope = scopeOf(tree, {});
  const look = (): Promise<Verification> =>
    work.withRegistries(work.isShadow ? "foreign" : "reading", async (registries) => {
      const open = registries.repository;
      const trust = await trustOf({ tree, settings: environment.settings.trust, open });
      return verifyProduction({
        manifests: tree.manifests,
        scope,
        open,
        trust,
        ...(signatures ? { signatures } : {}),
        reading: percent === undefined ? undefined : { percent, seed, bytesPerSecond: undefined },
        listener: work.listener,
        signal: ending.stop,
      });
    });
  let began = new Date();
  let found = await look();
  for (let attempt = 1; attempt < attempts && isToBeLookedAtAgain(found); attempt += 1) {
    say(`${inWords(found)}; once more in ${pause / 1000} s, ${attempts - attempt} left`);
    await sleep(pause, undefined, { signal: ending.stop });
    began = new Date();
    found = await look();
  }
  await recording.report(found);
  await matrix.verification(found);
  if (isOwn) {
    await work.looked({
      ...{ place, commit, began, isWhole: !found.interrupted, isDeep: true },
      edges: scope.edges,
      unreadable: tree.unreadable,
      manifestErrors: scope.manifestErrors.length,
      troubles: troublesOfVerification(found),
      promoted: { images: 0, edges: 0 },
    });
  }
  sayCauses(work, causesOfFindings(found.findings), "finding");
  const summary = inWords(found);
  say(summary);
  const isSound = scope.manifestErrors.length === 0 && found.findings.length === 0;
  return { result: found.interrupted ? "ABORTED" : isSound ? "SUCCESS" : "FAILURE", summary };
}

function isToBeLookedAtAgain({ findings, interrupted }: Verification): boolean {
  return findings.length > 0 && !interrupted;
}

function inWords({ findings, repositories, images, tags }: Verification): string {
  const found = findings.length === 0 ? "all as listed" : `findings: ${findings.length}`;
  return `${found} (repositories: ${repositories}, images: ${images}, tags: ${tags})`;
}
