import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

let machine: string | undefined;

/** Names this process among all that may share a folder: `PID-MACHINE`. */
export function processMark(): string {
  machine ??= createHash("sha256")
    .update(JSON.stringify([hostname(), processSpace()]))
    .digest("hex")
    .slice(0, 12);
  return `${process.pid}-${machine}`;
}

/**
 * Whether the text starts with the mark of a process that is known to have ended: one of this machine, since it was
 * started, whose number no process has now. Of processes elsewhere nothing is known.
 */
export function isKnownToHaveEnded(text: string): boolean {
  const [, pid, place] = /^([0-9]+)-([0-9a-f]{12})\b/.exec(text) ?? [];
  if (pid === undefined || !processMark().endsWith(`-${place}`)) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}

/** What tells process numbers apart that a host name does not: this start of the machine, and this container. */
function processSpace(): string[] {
  return [
    () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"),
    () => readlinkSync("/proc/self/ns/pid"),
  ].map((read) => {
    try {
      return read();
    } catch {
      return "";
    }
  });
}
