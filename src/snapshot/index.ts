export { contentsOfManifests, repositoriesOfManifests } from "./of-manifests.ts";
export { type RegistryContents, type Snapshot, type SnapshotOptions, takeSnapshot } from "./snapshot.ts";
