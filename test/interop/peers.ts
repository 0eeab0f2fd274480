import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "vitest";

/** Programs of others that are made of Go modules: a machine need not have them, not even one of CI. */
export type Peer = "cosign" | "oras" | "regctl" | "fulcio" | "timestamp-server" | "rekor-server-posix";

/** Where a program is: in the folder that WAYBILL_PEERS names, or in PATH. */
export function peer(name: Peer): string | undefined {
  const folders = [process.env.WAYBILL_PEERS ?? "", ...(process.env.PATH ?? "").split(delimiter)];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** `test` for what needs peers: without them it is skipped, and its name says why. */
export function testWithPeers(...names: readonly Peer[]) {
  const missing = names.filter((name) => peer(name) === undefined);
  if (missing.length === 0) return test;
  return (name: string, body: () => void | Promise<void>) =>
    test.skip(`${name} [skipped: no ${missing.join(", ")} in PATH or WAYBILL_PEERS]`, body);
}

/** What a program left behind. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function runPeer(name: Peer, line: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const child = spawn(peer(name) ?? name, line, { env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (status) => done({ status, stdout, stderr }));
  });
}
