export type { Claim } from "./contested.ts";
export {
  type DesiredImage,
  type DesiredRepository,
  type DesiredSource,
  type DesiredTag,
  desiredRepositories,
  type EdgeGroup,
  type EdgeSet,
  edgesOf,
  type Feed,
} from "./edges.ts";
export { edgesHash } from "./hash.ts";
export { limitToChanges } from "./limit.ts";
