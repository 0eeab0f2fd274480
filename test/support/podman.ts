import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./child.ts";
import { buildStepRoot } from "./step-image.ts";

/** A podman with a store of its own, which also answers as the daemon of `docker`. */
export interface TestPodman {
  /** For `podman`, and for `docker` over its socket. */
  readonly environment: Readonly<Record<string, string>>;
  /** An image that is there, with a shell. */
  readonly stepImage: string;
  /** Why containers cannot be run here; `undefined` where they can. */
  readonly cannotRun: string | undefined;
  close(): Promise<void>;
}

/**
 * Starts podman's service. Its containers do without what a container that runs the tests may not hand on: limits,
 * control groups and a network of their own.
 */
export async function startPodman(): Promise<TestPodman> {
  const folder = mkdtempSync(join(tmpdir(), "waybill-podman-"));
  const socket = join(folder, "podman.sock");
  const environment = configure(folder, socket);
  const service = spawn("podman", ["system", "service", "--time=0", `unix://${socket}`], {
    env: environment,
    stdio: "ignore",
  });
  const close = async () => {
    await run("podman", ["rm", "--all", "--force", "--time", "0"], environment);
    await end(service);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await reachable(socket, service);
    const stepImage = "gcr.io/waybill-test/step:1";
    const { dockerfile } = buildStepRoot(join(folder, "step"));
    const built = await run(
      "podman",
      ["build", "-q", "-t", stepImage, "-f", dockerfile, join(folder, "step")],
      environment,
    );
    if (built.code !== 0) throw new Error(`podman cannot build: ${built.stderr}`);
    const tried = await run(
      "podman",
      ["run", "--rm", "--network", "host", "--privileged", stepImage, "sh", "-c", "exit 7"],
      environment,
    );
    const cannotRun = tried.code === 7 ? undefined : tried.stderr.trim();
    return { environment, stepImage, cannotRun, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function configure(folder: string, socket: string): Record<string, string> {
  const runtime = join(folder, "crun");
  writeFileSync(runtime, runtimeScript(folder));
  chmodSync(runtime, 0o755);
  mkdirSync(join(folder, "home"));
  const containers = join(folder, "containers.conf");
  const lists = [
    ["[containers]", 'netns = "host"', 'cgroups = "disabled"', 'cgroupns = "host"', "default_ulimits = []"],
    ["[engine]", 'runtime = "crun"', 'cgroup_manager = "cgroupfs"', 'events_logger = "file"'],
    ["[engine.runtimes]", `crun = [${JSON.stringify(runtime)}]`],
  ];
  writeFileSync(containers, `${lists.flat().join("\n")}\n`);
  const storage = join(folder, "storage.conf");
  const paths = [`graphroot = "${join(folder, "store")}"`, `runroot = "${join(folder, "run")}"`];
  writeFileSync(storage, ["[storage]", 'driver = "vfs"', ...paths, ""].join("\n"));
  return {
    PATH: process.env.PATH ?? "",
    HOME: join(folder, "home"),
    CONTAINERS_CONF: containers,
    CONTAINERS_STORAGE_CONF: storage,
    BUILDAH_ISOLATION: "chroot",
    DOCKER_HOST: `unix://${socket}`,
  };
}

/** `crun` for containers without limits, where control groups of both versions are mounted beside each other as well. */
function runtimeScript(folder: string): string {
  const edit = join(folder, "edit.cjs");
  writeFileSync(
    edit,
    `const { readFileSync, writeFileSync } = require("node:fs");
const file = process.argv[2] + "/config.json";
const config = JSON.parse(readFileSync(file, "utf8"));
delete config.process.rlimits;
writeFileSync(file, JSON.stringify(config));
`,
  );
  return `#!/bin/sh
before=
for word in "$@"; do
  [ "$before" = --bundle ] && ${JSON.stringify(process.execPath)} ${JSON.stringify(edit)} "$word"
  before=$word
done
exec unshare --mount sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"' crun "$@"
`;
}

async function reachable(socket: string, service: ChildProcess): Promise<void> {
  while (service.exitCode === null) {
    const connection = connect(socket);
    const isOpen = await once(connection, "connect").then(
      () => true,
      () => false,
    );
    connection.destroy();
    if (isOpen) return;
    await sleep(20);
  }
  throw new Error(`podman's service ended with ${service.exitCode}`);
}

async function end(service: ChildProcess): Promise<void> {
  if (service.exitCode !== null || service.signalCode !== null) return;
  const closed = once(service, "close");
  service.kill("SIGKILL");
  await closed;
}
