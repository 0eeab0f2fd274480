// The peers, where they are and what their versions are. One that is not found is named, never left out silently.
import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { craneClient } from "./clients/crane.mjs";
import { regctlClient } from "./clients/regctl.mjs";
import { regsyncClient } from "./clients/regsync.mjs";
import { skopeoClient } from "./clients/skopeo.mjs";

const run = promisify(execFile);

/** Arguments with which a peer tells its version. */
const versionArguments = {
  crane: ["version"],
  regctl: ["version", "--format", "{{.VCSTag}}"],
  regsync: ["version", "--format", "{{.VCSTag}}"],
  skopeo: ["--version"],
  kpromo: ["version"],
};

/** Peers that are looked for and cannot be run here, and why. */
const cannotRun = {
  kpromo:
    "it initializes its trust from Sigstore's public servers and verifies provenance with them before it copies, without an option to leave that out, and it reads what is there through Google's listing extension",
};

/**
 * Looks in the folder given, then on PATH. Gives name → { path, version } of the peers that are found, the names of
 * those that are not, and those that are found but cannot be run.
 */
export async function findPeers(folder) {
  const found = {};
  const absent = [];
  const notRun = [];
  for (const name of Object.keys(versionArguments)) {
    const path = await findProgram(name, folder);
    if (path === undefined) {
      absent.push(name);
      continue;
    }
    const version = await versionOf(name, path);
    if (cannotRun[name] === undefined) found[name] = { path, version };
    else notRun.push({ name, version, why: cannotRun[name] });
  }
  return { found, absent, notRun };
}

/**
 * The peers as they are run, each at its defaults and tuned. `copies` is how many destinations there are: with more
 * than one, whoever makes a process for each of them is run with the copies one after the other and at once. For
 * `distant` registries crane, of which a process waits most of its time, is run with more processes too.
 */
export function peerClients(found, { copies = 1, repositories = 1, distant = false } = {}) {
  const many = repositories > 1;
  const atOnce = many ? 4 : copies;
  const clients = [];
  const add = (make, name, id, kind, options) => {
    if (found[name] !== undefined) clients.push(make(found[name].path, { id, kind, ...options }));
  };
  const processes = many ? "4 processes at once" : `${copies} processes at once`;
  const parallel = many || copies > 1;
  add(craneClient, "crane", "crane", "default", { title: "crane" });
  if (parallel) {
    const title = `crane, ${processes}, 16 jobs each`;
    add(craneClient, "crane", "crane-tuned", "tuned", { title, jobs: 16, atOnce });
  }
  if (distant) {
    const title = "crane, 16 processes at once, 16 jobs each";
    add(craneClient, "crane", "crane-16", "tuned", { title, jobs: 16, atOnce: 16 });
  }
  add(regsyncClient, "regsync", "regsync", "default", { title: "regsync" });
  if (parallel) {
    add(regsyncClient, "regsync", "regsync-4", "tuned", { title: "regsync, parallel 4", parallel: 4 });
    const title = "regsync, parallel 16, 16 requests a host";
    add(regsyncClient, "regsync", "regsync-16", "tuned", { title, parallel: 16, requests: 16 });
  }
  if (!many) {
    add(regctlClient, "regctl", "regctl", "default", { title: "regctl" });
    if (parallel)
      add(regctlClient, "regctl", "regctl-tuned", "tuned", { title: `regctl, ${processes}`, atOnce });
  }
  add(skopeoClient, "skopeo", "skopeo", "default", { title: "skopeo sync" });
  if (parallel) {
    const title = `skopeo sync, ${processes}`;
    add(skopeoClient, "skopeo", "skopeo-tuned", "tuned", { title, atOnce, split: many });
  }
  return clients;
}

async function findProgram(name, folder) {
  const folders = [...(folder === undefined ? [] : [folder]), ...(process.env.PATH ?? "").split(delimiter)];
  for (const candidate of folders.filter((path) => path !== "").map((path) => join(path, name))) {
    const executable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return candidate;
  }
  return undefined;
}

async function versionOf(name, path) {
  const { stdout } = await run(path, versionArguments[name]);
  return /v?\d+\.\d+[^\s]*/.exec(stdout)?.[0] ?? stdout.trim();
}
