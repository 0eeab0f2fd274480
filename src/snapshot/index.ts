export {
  contentsOfManifests,
  type RegistryContents,
  repositoriesOfManifests,
  type Snapshot,
  type SnapshotOptions,
  takeSnapshot,
} from "./snapshot.ts";
