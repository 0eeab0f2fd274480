// A thousand small images while one request in twenty goes wrong, on both sides and in every way.
import { smallCorpus } from "../corpus.mjs";
import { injuries } from "../fates.mjs";
import { promote } from "../promotion.mjs";
import { readBack } from "../read-back.mjs";
import { startRegistry } from "../registries.mjs";
import { seed } from "../seed.mjs";
import { openTrouble } from "../troubles.mjs";
import { claim } from "./claims.mjs";

const share = 0.05;
const tagsOfARepository = 5;

/** As what a run's report counts an injury of each sort. */
const reportedAs = {
  broken: ["unreachable", "truncated", "timeout"],
  "server error": ["server-error"],
  "rate limited": ["rate-limited"],
  corrupted: ["digest-mismatch", "manifest-refused"],
};

export const faults = {
  name: "faults",
  title: "Small images of three platforms; one request in twenty is injured, on both sides and in every way",
  async run(bench) {
    const corpus = smallCorpus(Math.ceil(bench.images / tagsOfARepository));
    const source = await startRegistry(bench.data);
    const destination = await startRegistry(bench.data);
    const entrances = [
      await openTrouble(source.address, { seed: `${bench.seed} source`, share }),
      await openTrouble(destination.address, { seed: `${bench.seed} destination`, share }),
    ];
    try {
      await seed(source.address, "staging", corpus);
      bench.log("  the source is filled");
      const [from, to] = entrances.map(({ address }) => address);
      const task = { corpus, source: `${from}/staging`, destinations: [`${to}/production`] };
      const promotion = await promote(bench, task);
      const sides = await Promise.all(
        entrances.map(async (entrance) => ({ host: entrance.address, ...(await entrance.counters()) })),
      );
      const held = await readBack(destination.address, "production", corpus);
      return outcomeOf(corpus, promotion, sides, held);
    } finally {
      await Promise.all([...entrances, source, destination].map((process) => process.end()));
    }
  },
};

function outcomeOf({ images }, promotion, sides, held) {
  const { status, wallSeconds, report } = promotion;
  const made = (side, kinds) => kinds.reduce((sum, kind) => sum + (side.injured[kind] ?? 0), 0);
  const kinds = Object.keys(injuries);
  const reported = (side, codes) => {
    const counted = report?.traffic?.hosts[side.host]?.faults ?? {};
    return codes.reduce((sum, code) => sum + (counted[code] ?? 0), 0);
  };
  const covering = Object.entries(reportedAs).flatMap(([sort, codes]) =>
    sides.map((side, position) => {
      const inTruth = made(
        side,
        kinds.filter((kind) => injuries[kind] === sort),
      );
      const said = reported(side, codes);
      const where = position === 0 ? "source" : "destination";
      return claim(
        `the report counts what was ${sort} at the ${where}`,
        `${said} of ${inTruth}`,
        said >= inTruth,
      );
    }),
  );
  const bad = held.missing.length + held.wrong.length;
  return {
    table: {
      head: ["", "source", "destination"],
      rows: [
        ["requests", ...sides.map(({ requests }) => String(requests))],
        ...kinds.map((kind) => [kind, ...sides.map((side) => String(made(side, [kind])))]),
        ["all injuries", ...sides.map((side) => String(made(side, kinds)))],
        ["wall s", wallSeconds.toFixed(1), ""],
      ],
    },
    claims: [
      claim("exits with 0", status, status === 0),
      claim(
        "every image arrives",
        `${report?.counts.done} of ${images.length} done`,
        report?.counts.done === images.length,
      ),
      claim(
        "no tag, manifest or blob is missing or wrong at the registry",
        `${held.tags} tags and ${held.objects} objects read back: ${held.missing.length} missing, ${held.wrong.length} wrong`,
        bad === 0,
      ),
      ...(report?.traffic === undefined ? [] : covering),
    ],
    promotion,
    held: [held],
  };
}
