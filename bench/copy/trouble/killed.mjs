// One of four registries dies in the middle of a blob and comes back two seconds later.
import { setTimeout as sleep } from "node:timers/promises";
import { largeCorpus, sizeOf } from "../corpus.mjs";
import { openLink } from "../links.mjs";
import { promote } from "../promotion.mjs";
import { readBack } from "../read-back.mjs";
import { startRegistry } from "../registries.mjs";
import { seed } from "../seed.mjs";
import { openTrouble } from "../troubles.mjs";
import { atMost, claim, inMiB } from "./claims.mjs";

const copies = 4;
/** The position of the one that dies. */
const victim = 2;
const downMilliseconds = 2_000;
const sourceBitsPerSecond = 400e6;
/** How much longer the others may take: another run of the same takes so much longer, too. */
const undisturbed = 1.15;
/** Headers and manifests are bytes, too. */
const overhead = 1.005;

export const killed = {
  name: "killed",
  title:
    "One image of 2 × 256 MiB from a source behind 400 Mbit/s to four registries; the third is killed when half of it is there, and started again 2 s later",
  async run(bench) {
    const corpus = largeCorpus();
    const source = await startRegistry(bench.data);
    try {
      await seed(source.address, "staging", corpus);
      const calm = await runOnce(bench, source, corpus, () => true);
      bench.log(`  without trouble: ${calm.wallSeconds.toFixed(1)} s`);
      const troubled = await runOnce(bench, source, corpus, killInMidBlob);
      return outcomeOf(sizeOf(corpus), calm, troubled);
    } finally {
      await source.end();
    }
  },
};

/** Promotes to new registries while something happens to one of them. */
async function runOnce(bench, source, corpus, happen) {
  const link = await openLink(source.address, { bitsPerSecond: sourceBitsPerSecond });
  const registries = await startAll(() => startRegistry(bench.data));
  const entrances = await Promise.all(registries.map(({ address }) => openTrouble(address)));
  const over = new AbortController();
  try {
    const destinations = entrances.map(({ address }) => `${address}/production`);
    const promoting = promote(bench, { corpus, source: `${link.address}/staging`, destinations });
    void promoting.then(() => over.abort());
    const happening = { registry: registries[victim], entrance: entrances[victim], half: sizeOf(corpus) / 2 };
    const happened = await happen(happening, over.signal);
    const promotion = await promoting;
    const passed = await Promise.all(entrances.map((entrance) => entrance.counters()));
    return {
      ...promotion,
      happened,
      read: (await link.counters()).down,
      sent: passed.map(({ bytes }) => bytes.up),
      doneSeconds: passed.map(({ lastUpAt }) => (lastUpAt - promotion.beganAt) / 1000),
      held: await Promise.all(registries.map(({ address }) => readBack(address, "production", corpus))),
    };
  } finally {
    await Promise.all([link, ...entrances].map((process) => process.end()));
    await Promise.all(registries.map((registry) => registry.end()));
  }
}

/** Gives whether the promotion was still under way when the registry was there again. */
async function killInMidBlob({ registry, entrance, half }, over) {
  while (!over.aborted && (await entrance.counters()).bytes.up < half) await sleep(20);
  await registry.kill();
  await entrance.close();
  await sleep(downMilliseconds);
  const isUnderWay = !over.aborted;
  await registry.restart();
  await entrance.open();
  return isUnderWay;
}

function outcomeOf(size, calm, troubled) {
  const others = ({ doneSeconds }) => Math.max(...doneSeconds.filter((_, position) => position !== victim));
  const again = Math.max(0, troubled.sent[victim] - size);
  const rows = [
    ["wall s", ({ wallSeconds }) => wallSeconds.toFixed(1)],
    ["the other three done, s", (run) => others(run).toFixed(1)],
    ["the third done, s", ({ doneSeconds }) => doneSeconds[victim].toFixed(1)],
    ["read of the source", ({ read }) => inMiB(read)],
    ...calm.sent.map((_, position) => [
      `sent to destination ${position + 1}`,
      ({ sent }) => inMiB(sent[position]),
    ]),
  ];
  const bad = troubled.held.flatMap(({ missing, wrong }) => [...missing, ...wrong]);
  const objects = troubled.held.reduce((sum, held) => sum + held.objects, 0);
  return {
    table: {
      head: ["", "without trouble", "third killed"],
      rows: rows.map(([title, of]) => [title, of(calm), of(troubled)]),
    },
    claims: [
      claim(
        "the third was killed and came back while the promotion ran",
        troubled.happened,
        troubled.happened,
      ),
      claim("the same run exits with 0", troubled.status, troubled.status === 0),
      claim(
        "all four registries hold all of it, byte for byte",
        `${objects - bad.length} of ${objects} read back`,
        bad.length === 0,
      ),
      atMost(
        "time of the other three, of theirs without trouble",
        others(troubled) / others(calm),
        undisturbed,
        (ratio) => ratio.toFixed(2),
      ),
      atMost(
        `read of the source (the image once, and what the third needed again: ${inMiB(again)})`,
        troubled.read,
        size * overhead + again,
        inMiB,
      ),
    ],
    promotion: troubled,
    held: troubled.held,
  };
}

function startAll(startOne) {
  return Promise.all(Array.from({ length: copies }, startOne));
}
