/** What the exit status of every command means. */
export const exitCodes = {
  /** All is as desired. */
  asDesired: 0,
  /** Nothing could be done: wrong usage, no readable manifest, a refusal. */
  nothingDone: 1,
  /** Done, but something is not as desired; the report names it. */
  notAsDesired: 2,
  /** It was waited for, and is not there yet. */
  notYet: 3,
  /** The work is over, but what came of it could not be written where it should go. */
  unwritten: 4,
  /** It was asked for an exit code, and there is something to do. */
  toDo: 5,
  /** Stopped by a signal before all was done; what had been done stands, and another run goes on from there. */
  interrupted: 130,
} as const;

/** What a command ends with of which something could not be written: what was not begun, or not done, is more than that. */
export function withSomethingUnwritten(status: ExitCode): ExitCode {
  const isKept = status === exitCodes.nothingDone || status === exitCodes.interrupted;
  return isKept ? status : exitCodes.unwritten;
}

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
