/** A retired command line in Waybill's words: the line to run, and what to say before. */
export interface Translation {
  /** Words for `waybill`, without its name. */
  readonly command: readonly string[];
  readonly notices: readonly string[];
}

/** Nothing to run: help was asked for. */
export interface Help {
  readonly help: string;
}
