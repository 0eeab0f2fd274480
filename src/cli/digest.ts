import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import { targetOfImage } from "./place.ts";
import { withRegistries } from "./registries.ts";
import type { Session } from "./session.ts";
import { type Blank, how, look, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .argument("<reference>", "host/path:tag or host/path@digest, or oci:folder:tag")
    .addOption(look.common("--platform <platform>", "of the image of an index for it, such as linux/arm64"))
    .addOption(how.common("--read", "computed from the bytes, whatever the registry says"));

export const digest = verb({
  name: "digest",
  summary: "say which digest a tag stands for",
  description: "say which digest a tag stands for, or whether a digest is there",
  examples: [
    ["waybill digest registry.k8s.io/pause:3.9", "by one request, without reading the image"],
    ["waybill digest registry.k8s.io/pause:3.9 --platform linux/arm64", "of the image for a platform"],
    ["waybill digest localhost:5000/app:v1 --read", "where the registry's word is not enough"],
  ],
  exits: {
    [exitCodes.asDesired]: "printed",
    [exitCodes.nothingDone]: "it is not there, or that cannot be told",
  },
  page: "by-hand.md",
  define,
  run,
});

async function run(session: Session, text: string, options: OptionsOf<typeof define>): Promise<ExitCode> {
  const { parsePlace } = await import("../registry/index.ts");
  const { identifyImage } = await import("../inspect/index.ts");
  const { platform, read = false } = options;
  const place = parsePlace(text);
  const target = targetOfImage(place, text);
  return withRegistries(session, { say: session.terminal.detail }, async (registries) => {
    const found = await identifyImage(registries.at(place), target, place.shown, { platform, read });
    const { mediaType, size } = found;
    await deliver(session, {
      text: (terminal) => terminal.print(found.digest),
      json: () => asJson({ reference: text, digest: found.digest, mediaType, size }),
    });
    return exitCodes.asDesired;
  });
}
