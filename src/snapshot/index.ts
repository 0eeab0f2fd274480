export {
  contentsOfManifests,
  findRepositories,
  type RegistryContents,
  repositoriesOfManifests,
  type Snapshot,
  type SnapshotOptions,
  takeSnapshot,
} from "./snapshot.ts";
