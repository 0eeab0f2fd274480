import { writeImages } from "../manifest/index.ts";
import { repositoriesOfManifests, takeSnapshot } from "../snapshot/index.ts";
import { manifestsOfHead } from "./promote.ts";
import type { Work, WorkDone } from "./work.ts";

const usualArtifact = "snapshot.yaml";

/** Keeps what a registry holds, as a list of images, as an artifact of the run. */
export async function snapshotRegistry(work: Work<"snapshot">): Promise<WorkDone> {
  const { job, record, recording, say } = work;
  const { registry, manifests, minimal = false, artifact = usualArtifact } = job.work.snapshot;
  const tree = manifests === undefined ? undefined : (await manifestsOfHead(work, manifests)).tree;
  const { contents, unread, taggedOnly, misnamed } = await work.withRegistries(
    work.isShadow ? "foreign" : "reading",
    ({ repository: open, catalog }) =>
      takeSnapshot({
        ...{ prefix: registry, open, catalog, minimal },
        ...(tree === undefined ? {} : { repositories: repositoriesOfManifests(tree.manifests, registry) }),
      }),
  );
  await record.write(artifact, writeImages(contents, artifact.endsWith(".csv") ? "csv" : "snapshot"));
  for (const { repository, message } of unread) say(`${repository} could not be read: ${message}`);
  const images = [...contents.values()].reduce((sum, { size }) => sum + size, 0);
  const summary = [
    `repositories: ${contents.size}, images: ${images}`,
    ...(unread.length === 0 ? [] : [`could not be read: ${unread.length}`]),
  ].join("; ");
  await recording.report({
    registry,
    artifact,
    images,
    unread,
    taggedOnly,
    misnamed,
  });
  say(summary);
  return { result: unread.length === 0 ? "SUCCESS" : "FAILURE", summary };
}
