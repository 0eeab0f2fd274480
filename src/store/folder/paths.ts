import { join } from "node:path";

/** Where the runs of a job are that are for no pull request. */
export function folderOfLogs(store: string, job: string): string {
  return join(store, "logs", job);
}

/** Where it says which runs of a job are for pull requests. */
export function directoryOfPulls(store: string, job: string): string {
  return join(store, "pr-logs", "directory", job);
}

/** A folder of the store from its place, with this system's separators. */
export function folderOfPlace(store: string, place: string): string {
  return join(store, ...place.split("/"));
}
