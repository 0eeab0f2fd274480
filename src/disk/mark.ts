import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { errorCodeOf } from "./fault.ts";

let place: string | undefined;

/** Names this process among all that may share a folder: `PID-MACHINE`. */
export function processMark(): string {
  place ??= shortHash(hostname(), bootId(), processSpace());
  return `${process.pid}-${place}`;
}

/** A name that no other file has, for one that is this process's: `MARK.RANDOM`. */
export function markedName(): string {
  return `${processMark()}.${randomBytes(8).toString("hex")}`;
}

/** What of the name of a file {@link markedName} made, be it all of it or its end; `undefined` for others. */
export function ownerOfName(name: string): string | undefined {
  return /(?:^|\.)([0-9]+-[0-9a-f]{12}\.[0-9a-f]{16})$/.exec(name)?.[1];
}

/** The number of the process with whose mark the text starts, if it is one of this machine, since it was started. */
export function numberOfMark(text: string): number | undefined {
  const [, pid, there] = /^([0-9]+)-([0-9a-f]{12})\b/.exec(text) ?? [];
  return there !== undefined && processMark().endsWith(`-${there}`) ? Number(pid) : undefined;
}

/**
 * Whether the text starts with the mark of a process that is known to have ended: one of this machine, since it was
 * started, whose number no process has now. Of processes elsewhere nothing is known.
 */
export function isKnownToHaveEnded(text: string): boolean {
  const pid = numberOfMark(text);
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCodeOf(error) === "ESRCH";
  }
}

/**
 * Names this start of the machine: `MACHINE-BOOT`. `undefined` where machines have no identity of their own, as in many
 * containers.
 */
export function bootMark(): string | undefined {
  const machineId = textOf(() => readFileSync("/etc/machine-id", "utf8")).trim();
  const boot = bootId();
  if (machineId === "" || boot === "") return undefined;
  return `${shortHash(machineId, hostname())}-${shortHash(boot)}`;
}

/**
 * Whether the text is the mark of an earlier start of this machine, and what carries it gave its last sign of life before
 * this start: no process of then is left. The second is asked for because copies of a machine have its identity.
 */
export function isOfEarlierBoot(text: string, lastSignOfLife: Date): boolean {
  const own = bootMark();
  const [machine, boot, ...more] = text.split("-");
  const [ownMachine, ownBoot] = own?.split("-") ?? [];
  if (own === undefined || more.length > 0 || machine !== ownMachine || boot === ownBoot) return false;
  return lastSignOfLife.getTime() < Date.now() - uptime() * 1000;
}

function shortHash(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12);
}

function bootId(): string {
  return textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
}

/** What tells process numbers apart that a machine and its start do not: this container. */
function processSpace(): string {
  return textOf(() => readlinkSync("/proc/self/ns/pid"));
}

function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
