import { type Command, Option } from "commander";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { addExamples } from "./help.ts";
import { openRegistriesFor } from "./registries.ts";
import type { Act, Session } from "./session.ts";

interface Options {
  readonly raw?: boolean;
  readonly provenance?: boolean;
  readonly manifests?: string;
  readonly platform?: string;
  readonly tags: boolean;
}

export function defineInspect(program: Command, act: Act): void {
  const command = program
    .command("inspect")
    .description("describe an image, or print its manifest exactly as it is stored")
    .argument("<reference>", "host/path:tag or host/path@digest")
    .addOption(new Option("--raw", "the manifest or index itself, byte for byte"))
    .addOption(
      new Option(
        "--provenance",
        "what built it, as its builder says; with --raw the statement itself",
      ).conflicts("platform"),
    )
    .addOption(
      new Option("--manifests <path>", "look also where these promoter manifests promote it from").implies({
        provenance: true,
      }),
    )
    .addOption(new Option("--platform <platform>", "the image of an index to describe, such as linux/arm64"))
    .addOption(new Option("--no-tags", "leave out the list of the repository's tags"))
    .action(act(run));
  addExamples(command, [
    ["waybill inspect us.gcr.io/k8s-artifacts-prod/pause:3.9", "describe an image"],
    ["waybill inspect --raw localhost:5000/foo:1.0 | sha256sum", "compute a digest by hand"],
    ["waybill inspect --provenance gcr.io/k8s-staging-foo/app:v1.0", "show which commit it was built from"],
  ]);
}

async function run(session: Session, text: string, options: Options): Promise<ExitCode> {
  const { parseReference } = await import("../oci/index.ts");
  const { fetchDocument, inspectImage } = await import("../inspect/index.ts");
  const { repository: name, tag, digest } = parseReference(text);
  const target = digest ?? tag;
  if (target === undefined) {
    throw new UsageError(`${text} names no tag and no digest`, `a tag is never guessed; write ${text}:TAG`);
  }
  const registries = await openRegistriesFor(session, { say: session.terminal.detail });
  try {
    const repository = registries.repository(name);
    if (options.provenance) {
      const { printProvenance } = await import("./inspect-provenance.ts");
      const { digest: found } = (await fetchDocument(repository, target)).descriptor;
      return await printProvenance(session, registries, { repository: name, digest: found }, options);
    }
    if (options.raw) {
      session.terminal.write((await fetchDocument(repository, target)).bytes);
      return exitCodes.asDesired;
    }
    const inspection = await inspectImage(repository, target, {
      withoutTags: !options.tags,
      platform: options.platform,
    });
    session.terminal.printJson(inspection);
    return exitCodes.asDesired;
  } finally {
    await registries.close();
  }
}
