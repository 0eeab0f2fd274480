// A destination that lets 83 requests a second through, as a quota of 5,000 a minute does.
import { waybillClient } from "../clients/waybill.mjs";
import { sizeOf, smallCorpus } from "../corpus.mjs";
import { openStage } from "../stage.mjs";

const repositories = 20;
const requestsPerSecond = 83;

export const quota = {
  name: "quota",
  title: `100 small images to one empty registry that answers 429 beyond ${requestsPerSecond} requests a second`,
  run: async (bench) => {
    const corpus = smallCorpus(repositories);
    const { clients, leftOut } = bench.clients({
      repositories,
      leaveOut: ["crane-tuned", "regsync-4", "regsync-16", "skopeo-tuned"],
    });
    const [waybill, ...peers] = clients;
    const results = await bench.compare({
      clients: [waybill, pacedWaybill(bench.waybill), ...peers],
      runs: 1,
      limit: 90,
      count: false,
      open: (options) =>
        openStage(bench, { corpus, destinationLink: () => ({ requestsPerSecond }) }, options),
    });
    return {
      clients: results,
      leftOut,
      facts: { tags: corpus.images.length, copies: 1, bytes: sizeOf(corpus) },
    };
  },
};

/** Waybill when its settings say what the registry allows. */
function pacedWaybill(path) {
  const settingsFor = ({ destinations: [destination] }) =>
    `hosts:\n  "${destination.split("/", 1)[0]}":\n    requestsPerSecond: ${requestsPerSecond}\n`;
  return waybillClient(path, {
    id: "waybill-paced",
    title: `waybill, requestsPerSecond: ${requestsPerSecond}`,
    kind: "waybill-tuned",
    settingsFor,
  });
}
