import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { asJson, deliver } from "./output.ts";
import { targetOfImage } from "./place.ts";
import { withRegistries } from "./registries.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, collect, how, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .argument("<reference>", "host/path:tag or host/path@digest; with --referrers also oci:folder:tag")
    .addOption(how.common("--raw", "the manifest or index itself, byte for byte"))
    .addOption(
      how
        .common("--provenance", "what built it, as its builder says; with --raw the statement itself")
        .conflicts("platform"),
    )
    .addOption(
      how("--manifests <path>", "look also where these promoter manifests promote it from").implies({
        provenance: true,
      }),
    )
    .addOption(
      how
        .common("--referrers", "what hangs on it: signatures, attestations, SBOMs, and who signed them")
        .conflicts(["platform", "provenance", "manifests", "raw"]),
    )
    .addOption(
      how(
        "--key <file>",
        "with --referrers: a public key to believe, beside those of the settings; repeatable",
      )
        .argParser(collect)
        .implies({ referrers: true }),
    )
    .addOption(
      how("--trusted-root <file>", "with --referrers: the trusted_root.json of keyless signatures").implies({
        referrers: true,
      }),
    )
    .addOption(how.common("--platform <platform>", "the image of an index to describe, such as linux/arm64"))
    .addOption(how.common("--no-tags", "leave out the list of the repository's tags"));

export const inspect = verb({
  name: "inspect",
  summary: "describe an image, or print its manifest as it is",
  description: "describe an image, or print its manifest exactly as it is stored",
  examples: [
    ["waybill inspect us.gcr.io/k8s-artifacts-prod/pause:3.9", "describe an image"],
    ["waybill inspect --raw localhost:5000/foo:1.0 | sha256sum", "compute a digest by hand"],
    ["waybill inspect --referrers registry.k8s.io/pause:3.9", "show what hangs on it, and who signed that"],
    ["waybill inspect --provenance gcr.io/k8s-staging-foo/app:v1.0", "show which commit it was built from"],
  ],
  exits: {
    [exitCodes.asDesired]: "printed",
    [exitCodes.nothingDone]: "not found, or not readable",
    [exitCodes.notAsDesired]:
      "with --provenance: none is attached, or none about the image; with --referrers: something is false, or was not read",
  },
  page: "provenance.md",
  define,
  run,
});

async function run(session: Session, text: string, options: OptionsOf<typeof define>): Promise<ExitCode> {
  if (options.referrers) return inspectReferrers(session, text, options);
  const { parseReference } = await import("../oci/index.ts");
  const { fetchDocument, inspectImage } = await import("../inspect/index.ts");
  const { repository: name, tag, digest } = parseReference(text);
  const target = digest ?? tag;
  if (target === undefined) {
    throw new UsageError(`${text} names no tag and no digest`, `a tag is never guessed; write ${text}:TAG`);
  }
  return withRegistries(session, { say: session.terminal.detail }, async (registries) => {
    const repository = registries.repository(name);
    if (options.provenance) {
      const { printProvenance } = await import("./inspect-provenance.ts");
      const { digest: found } = (await fetchDocument(repository, target)).descriptor;
      return printProvenance(session, registries, { repository: name, digest: found }, options);
    }
    if (options.raw) {
      const { bytes } = await fetchDocument(repository, target);
      await deliver(session, { text: (terminal) => terminal.write(bytes), json: () => bytes });
      return exitCodes.asDesired;
    }
    const inspection = await inspectImage(repository, target, {
      withoutTags: !options.tags,
      platform: options.platform,
    });
    const json = asJson(inspection);
    const text = (terminal: Terminal): void => {
      for (const part of json) terminal.write(part);
    };
    await deliver(session, { text, json: () => json });
    return exitCodes.asDesired;
  });
}

/** What hangs on an image, on a registry or in a folder. */
async function inspectReferrers(
  session: Session,
  text: string,
  options: OptionsOf<typeof define>,
): Promise<ExitCode> {
  const { parsePlace } = await import("../registry/index.ts");
  const { identifyImage } = await import("../inspect/index.ts");
  const { printReferrers } = await import("./inspect-referrers.ts");
  const place = parsePlace(text);
  const target = targetOfImage(place, text);
  return withRegistries(session, { say: session.terminal.detail }, async (registries) => {
    const repository = registries.at(place);
    const { digest } = await identifyImage(repository, target, place.shown, {});
    return printReferrers(session, { repository, shown: place.shown, digest }, options);
  });
}
