// Children and temporary folders of the benchmark: whatever ends it, they end too.
import { fork, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

const children = new Set();
const folders = new Set();

/** Starts a program that ends with the benchmark. */
export function start(command, args, options) {
  return owned(spawn(command, args, options));
}

/** Starts one of the benchmark's own programs, which says something when it is ready. */
export async function startForked(program, args) {
  const child = owned(fork(program, args));
  return { child, first: await nextMessage(child) };
}

/** Asks a program that `startForked` gave, and waits for its answer. One question at a time. */
export function ask(child, question) {
  const answer = nextMessage(child);
  child.send(question);
  return answer;
}

function nextMessage(child) {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error(`a program of the benchmark ended: ${child.spawnargs.join(" ")}`));
    child.once("exit", gone);
    child.once("message", (message) => {
      child.off("exit", gone);
      resolve(message);
    });
  });
}

function owned(child) {
  children.add(child);
  child.once("exit", () => children.delete(child));
  child.once("error", () => children.delete(child));
  return child;
}

/** Ends a child that `start` gave, and waits until it has ended. */
export async function stop(child, signal = "SIGKILL") {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await ended;
}

/** A folder that is removed with the benchmark. */
export async function temporaryFolder(parent, name) {
  const folder = await mkdtemp(join(parent, `waybill-bench-${name}-`));
  folders.add(folder);
  return folder;
}

export async function removeFolder(folder) {
  await rm(folder, { recursive: true, force: true });
  folders.delete(folder);
}

// The wrapper that runs clients passes SIGTERM on to them; everything else is ours and ends at once.
process.once("exit", () => {
  for (const child of children) child.kill("SIGTERM");
  for (const child of children) if (child.endsWithTerm !== true) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));
