// Promotions that copy, carry what hangs on images, sign and record, killed with SIGKILL: node bench/trust/kill.mjs
//   [--kills 100] [--images 3] [--at-once 3]
// Images of two platforms, which others have signed and attested in both layouts, and their SBOMs, go from an embedded
// registry to another one and to docker-registry, which has no referrers API. Each promotion goes to places of its own. Half
// of them are killed after a number of writes, half after a time, over the whole length of a promotion. Then each is run once
// more. At the end everything has to be there, each signature and record of ours exactly once; sigcheck and verify have to
// say so, and one more run over all places must write nothing. The exit code is 1 when anything is not as it should be.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openKillWorld } from "./killed-promotion.mjs";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    images: { type: "string", default: "3" },
    "at-once": { type: "string", default: "3" },
  },
});
const kills = Number(values.kills);
const say = (what, text) => process.stdout.write(`${what.padEnd(58)} ${text}\n`);
const wrong = [];
const hold = (what, faults) => {
  say(what, faults.length === 0 ? "yes" : `NO: ${faults.length}\n  ${faults.slice(0, 10).join("\n  ")}`);
  wrong.push(...faults);
};

const began = Date.now();
const world = await openKillWorld({ images: Number(values.images) });
try {
  const { writes, first, whole } = await measure();
  say(
    "a promotion that nobody kills",
    `${writes} writes to the first registry, ${(whole / 1000).toFixed(1)} s`,
  );
  const places = Array.from({ length: kills }, (_, at) => `kill-${at}`);
  const seen = { killed: 0, ended: 0, nothing: 0, some: 0, unsigned: 0, all: 0 };
  const failed = [];
  const killAt = async (place, at) => {
    const tree = await world.treeFor(place, [place]);
    const promotion = world.run(["promote", tree, "--confirm"]);
    const part = (at + 0.5) / kills;
    const moment =
      at % 2 === 0
        ? world.written(place, Math.ceil(part * writes)).then(() => sleep(Math.random() * 20))
        : world.written(place, 1).then(() => sleep(part * (whole - first)));
    await Promise.race([moment, promotion.ended]);
    promotion.child.kill("SIGKILL");
    const { signal } = await promotion.ended;
    seen[signal === "SIGKILL" ? "killed" : "ended"] += 1;
    const { tags, signed, all } = await world.progressOf(place);
    const state = tags === 0 ? "nothing" : tags < all ? "some" : signed < all ? "unsigned" : "all";
    seen[state] += 1;
    const { code, stdout } = await world.run(["promote", tree, "--confirm"]).ended;
    if (code !== 0) failed.push(`${place}: exit code ${code}\n${stdout}`);
  };
  let next = 0;
  const killing = async () => {
    for (let at = next++; at < kills; at = next++) await killAt(places[at], at);
  };
  await Promise.all(Array.from({ length: Number(values["at-once"]) }, killing));
  say("killed; had ended before", `${seen.killed}; ${seen.ended}`);
  say("when it was killed: no tag was there", seen.nothing);
  say("  some tags", seen.some);
  say("  all tags, and not all signatures and records on images", seen.unsigned);
  say("  all tags, signatures and records on images", seen.all);
  hold("one more run ends with 0", failed);
  hold("everything is there, and ours exactly once", (await Promise.all(places.map(world.faultsOf))).flat());
  const all = await world.treeFor("all", places);
  const mark = await world.mark();
  for (const args of [
    ["promote", all, "--confirm"],
    ["sigcheck", "--manifests", all],
    ["verify", all, "--signatures"],
  ]) {
    const { code, stdout, stderr, milliseconds } = await world.run(args).ended;
    const seconds = `(${(milliseconds / 1000).toFixed(1)} s)`;
    hold(
      `${args[0]} of all places ends with 0 ${seconds}`,
      code === 0 ? [] : [`${code} ${stdout.slice(-1500)}${stderr.slice(-1500)}`],
    );
  }
  const wrote = await world.writesSince(mark);
  hold("and nothing was written", wrote === 0 ? [] : [`${wrote} writes`]);
} finally {
  await world.close();
}
say("in all", `${((Date.now() - began) / 1000).toFixed(0)} s`);
process.exitCode = wrong.length === 0 ? 0 : 1;

/** How many writes a promotion takes, when its first write comes, and when it ends. */
async function measure() {
  const tree = await world.treeFor("whole", ["whole"]);
  let writes = 0;
  const begins = performance.now();
  let first = 0;
  const count = async () => {
    for (;;) {
      await world.written("whole", 1);
      if (writes === 0) first = performance.now() - begins;
      writes += 1;
    }
  };
  void count();
  const { milliseconds } = await world.settled(["promote", tree, "--confirm"]);
  hold("everything is there after a promotion that nobody kills", await world.faultsOf("whole"));
  return { writes, first, whole: milliseconds };
}
