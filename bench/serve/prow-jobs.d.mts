/** A number from 0 to 1, each time another one. */
export type Random = () => number;

export function randomOf(seed: number): Random;

export interface ProwJobsOptions {
  readonly jobs?: number;
  readonly promotions?: number;
  readonly seed?: number;
  readonly urlOf?: (repository: string) => string;
}

export function prowJobs(options?: ProwJobsOptions): {
  /** Each as `owner/name`. */
  readonly repositories: readonly string[];
  readonly files: readonly { readonly file: string; readonly text: string }[];
};
