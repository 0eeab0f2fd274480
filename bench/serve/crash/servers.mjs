import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A process of `waybill serve` that is started again whenever it ends. Each of its lives has a name of its own, by which the registry
 * knows it.
 */
export class ServerProcess {
  lives = [];
  #world;
  #argv;

  constructor(world, name, argv) {
    this.name = name;
    this.#world = world;
    this.#argv = argv;
  }

  get life() {
    return this.lives.at(-1);
  }

  async start() {
    const { folder, waybill, credentialsFor } = this.#world;
    const name = `${this.name}.${this.lives.length + 1}`;
    const docker = await credentialsFor(name);
    const log = createWriteStream(join(folder, "logs", `${this.name}.log`), { flags: "a" });
    const child = spawn(process.execPath, [waybill, "serve", ...this.#argv], {
      cwd: folder,
      env: {
        ...{ PATH: process.env.PATH, HOME: folder, DOCKER_CONFIG: docker },
        ...{
          WAYBILL_CONFIG: join(folder, "waybill.yaml"),
          GIT_CONFIG_NOSYSTEM: "1",
          GIT_CONFIG_GLOBAL: "/dev/null",
        },
        ...(process.env.TMPDIR === undefined ? {} : { TMPDIR: process.env.TMPDIR }),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    log.write(`--- ${name} is process ${child.pid}\n`);
    const life = { name, child, pid: child.pid, address: undefined, log: "" };
    life.ended = once(child, "close").then(([code, signal]) => ({ code, signal }));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        log.write(text);
        life.log += text;
        life.address ??= /listening at (127\.0\.0\.1:\d+)/.exec(life.log)?.[1];
      });
    }
    life.ended.then(() => log.end());
    this.lives.push(life);
    const stop = () => child.kill("SIGKILL");
    process.on("exit", stop);
    life.ended.then(() => process.off("exit", stop));
    return life;
  }

  async kill() {
    const { life } = this;
    life.child.kill("SIGKILL");
    await life.ended;
  }

  /** Starts it again when it has ended by itself. */
  async revive() {
    const { life } = this;
    if (life.child.exitCode === null && life.child.signalCode === null) return false;
    await this.start();
    return true;
  }

  /** @returns Its exit code. */
  async stop() {
    const { life } = this;
    life.child.kill("SIGTERM");
    return (await life.ended).code;
  }

  async up() {
    while (this.life.address === undefined) {
      const ended = await Promise.race([this.life.ended, sleep(50)]);
      if (ended !== undefined)
        throw new Error(`${this.name} ended with ${ended.code}: ${this.life.log.slice(-2000)}`);
    }
  }
}
