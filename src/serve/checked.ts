import { failureRecord } from "../errors/index.ts";

/** Something that a server needs, and whether it has it. */
export interface ServeCheck {
  readonly what:
    | "data"
    | "database"
    | "records"
    | "jobs"
    | "repository"
    | "engine"
    | "listen"
    | "access"
    | "webhooks"
    | "notifications"
    | "credentials";
  readonly where: string;
  /** A `warning` stops nothing; with a `problem`, a server does not start, or leaves something undone. */
  readonly state: "fine" | "warning" | "problem";
  readonly message: string;
  readonly hint?: string | undefined;
}

/** What a check says of something that failed. */
export function problemOf(error: unknown): Pick<ServeCheck, "state" | "message" | "hint"> {
  const { message, hint } = failureRecord(error);
  return { state: "problem", message, hint };
}
