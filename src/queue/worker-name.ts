import { randomBytes } from "node:crypto";

/** What the names of all workers of this process have, and no others. */
export const thisProcess = `:${process.pid}:${randomBytes(6).toString("hex")}:`;

let leases = 0;

/** A name for a lease that no other one ever has. @param name Says to people where it is. */
export function nameOfLease(name: string): string {
  leases += 1;
  return `${name}${thisProcess}${leases}`;
}
