/** What is wrong with a file that says who owns what, so that it cannot be used. */
export class OwnersFault extends Error {
  override readonly name = "OwnersFault";
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

/** A finding about a file that says who owns what. */
export interface OwnersDiagnostic {
  readonly file: string;
  readonly line?: number;
  readonly message: string;
}
