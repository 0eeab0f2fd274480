import type { ExitCode } from "./exit-codes.ts";
import { targetOfImage } from "./place.ts";
import { withRecord } from "./recorded.ts";
import type { Session } from "./session.ts";
import { dryRunOption, moveOption, runTransfer, transferExits } from "./transfer.ts";
import { type Blank, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  withRecord(command)
    .argument("<reference>", "host/path:tag or host/path@digest, or oci:folder:tag")
    .argument("<tags...>", "tags that it is to have as well, without host and path")
    .addOption(moveOption())
    .addOption(dryRunOption());

export const tag = verb({
  name: "tag",
  summary: "give an image more tags in its repository",
  description: "give an image more tags in its repository; no tag moves without --move",
  examples: [
    ["waybill tag localhost:5000/app@sha256:… v1.2 v1", "tags that are free, or stand there already"],
    ["waybill tag localhost:5000/app:v1.2 latest --move", "move a tag; it says from where"],
  ],
  exits: transferExits,
  page: "by-hand.md",
  define,
  run,
});

async function run(
  session: Session,
  text: string,
  tags: readonly string[],
  options: OptionsOf<typeof define>,
): Promise<ExitCode> {
  const { parsePlace } = await import("../registry/index.ts");
  const { parseTag } = await import("../oci/index.ts");
  const { identifyImage } = await import("../inspect/index.ts");
  const place = parsePlace(text);
  const target = targetOfImage(place, text);
  const wanted = [...new Set(tags.map(parseTag))];
  const subject = `${text} as ${wanted.join(", ")}`;
  return runTransfer(session, { from: place, to: place, subject }, options, async (repository) => {
    const { digest } = await identifyImage(repository, target, place.shown);
    return { wanted: wanted.map((name) => ({ tag: name, digest })) };
  });
}
