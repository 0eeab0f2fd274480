// The connections on both sides of a large layer are cut again and again.
import { numberOf } from "../bytes.mjs";
import { largeCorpus, sizeOf } from "../corpus.mjs";
import { startEmbedded } from "../embedded.mjs";
import { promote } from "../promotion.mjs";
import { readBack } from "../read-back.mjs";
import { seed } from "../seed.mjs";
import { openTrouble } from "../troubles.mjs";
import { atMost, claim, inMiB } from "./claims.mjs";

const cutsOfASide = 8;
/** Of the layer, what may pass more than once. */
const again = 0.05;

export const cuts = {
  name: "cuts",
  title: "One layer between embedded registries; the connection is cut 8 times on each side",
  async run(bench) {
    const corpus = largeCorpus([bench.sizeMiB]);
    const size = sizeOf(corpus);
    const source = await startEmbedded(bench);
    const destination = await startEmbedded(bench);
    const entrances = [
      await openTrouble(source.address, { cuts: { down: placesOf("source", size) } }),
      await openTrouble(destination.address, { cuts: { up: placesOf("destination", size) } }),
    ];
    try {
      await seed(source.address, "staging", corpus);
      bench.log("  the source is filled");
      const [from, to] = entrances.map(({ address }) => address);
      const task = { corpus, source: `${from}/staging`, destinations: [`${to}/production`] };
      const promotion = await promote(bench, task);
      const [read, sent] = await Promise.all(
        entrances.map(async (entrance) => ({ host: entrance.address, ...(await entrance.counters()) })),
      );
      const held = await readBack(destination.address, "production", corpus);
      return outcomeOf(size, promotion, { read, sent, held });
    } finally {
      await Promise.all(entrances.map((entrance) => entrance.end()));
      await Promise.all([source, destination].map((registry) => registry.end()));
    }
  },
};

/** Where a side is cut: once somewhere in each eighth, well before its end. */
function placesOf(side, size) {
  return Array.from({ length: cutsOfASide }, (_, position) =>
    Math.floor((size * (position + numberOf(`cut ${side} ${position}`, 10, 90) / 100)) / cutsOfASide),
  );
}

function outcomeOf(size, promotion, { read, sent, held }) {
  const { status, wallSeconds } = promotion;
  const cutsMade = [read, sent].map(({ injured }) => injured.cut ?? 0);
  const moreThanOnce = [read.bytes.down, sent.bytes.up].map((bytes) => Math.max(0, bytes - size));
  const { hosts = {} } = promotion.report?.traffic ?? {};
  const seen = [hosts[read.host]?.bytesRead ?? 0, hosts[sent.host]?.bytesSent ?? 0];
  const shares = moreThanOnce.map((bytes) => bytes / size);
  const percent = (share) => `${(100 * share).toFixed(2)} %`;
  return {
    table: {
      head: ["", "source", "destination"],
      rows: [
        ["cuts", ...cutsMade.map(String)],
        ["requests", String(read.requests), String(sent.requests)],
        ["bytes of the image", inMiB(size), inMiB(size)],
        ["bytes that passed", inMiB(read.bytes.down), inMiB(sent.bytes.up)],
        ["of them seen by waybill", ...seen.map(inMiB)],
        ["more than once", ...moreThanOnce.map(inMiB)],
        ["of the image", ...shares.map(percent)],
        ["wall s", wallSeconds.toFixed(1), ""],
      ],
    },
    claims: [
      claim(
        "all cuts were made",
        cutsMade.join(" + "),
        cutsMade.every((made) => made === cutsOfASide),
      ),
      claim("exits with 0", status, status === 0),
      claim(
        "the destination holds the image, byte for byte",
        `${held.objects - held.missing.length - held.wrong.length} of ${held.objects} read back`,
        held.missing.length + held.wrong.length === 0,
      ),
      atMost("read more than once of the source, of the image", shares[0], again, percent),
      atMost("sent more than once to the destination, of the image", shares[1], again, percent),
    ],
    promotion,
    held: [held],
  };
}
