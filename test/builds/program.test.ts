import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextImmediate, setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { engineEnvironment, giveUp, runProgram } from "../../src/builds/program.ts";

const folder = mkdtempSync(join(tmpdir(), "waybill-program-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = { PATH: process.env.PATH };

function options(over: Partial<Parameters<typeof runProgram>[2]> = {}) {
  const written: Buffer[] = [];
  const given = {
    env: path,
    cwd: folder,
    output: (chunk: Uint8Array) => void written.push(Buffer.from(chunk)),
    signal: new AbortController().signal,
    ...over,
  };
  return { given, text: () => Buffer.concat(written).toString() };
}

describe("giveUp", () => {
  it("takes what was written to a pipe before it closes it, though the pipe is held open", async () => {
    const path = join(folder, "pipe");
    execFileSync("mkfifo", [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const holder = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const stream = new Socket({ fd: reader, readable: true, writable: false });
    let heard = 0;
    stream.on("data", (chunk) => {
      heard += chunk.length;
    });
    const closed = once(stream, "close");
    const written = writeSync(holder, Buffer.alloc(50_000));
    await giveUp(stream);
    await closed;
    closeSync(holder);
    expect(heard).toBe(written);
  });

  it("does not wait for one who goes on writing a little", async () => {
    const path = join(folder, "drip");
    execFileSync("mkfifo", [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const holder = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const stream = new Socket({ fd: reader, readable: true, writable: false });
    stream.resume();
    const closed = once(stream, "close");
    const dripping = setInterval(() => writeSync(holder, "x"), 2);
    stream.once("close", () => clearInterval(dripping));
    await giveUp(stream);
    await closed;
    closeSync(holder);
  });

  it("takes what a slow reader has not taken yet", async () => {
    const path = join(folder, "slow");
    execFileSync("mkfifo", [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const holder = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const stream = new Socket({ fd: reader, readable: true, writable: false });
    const written = writeSync(holder, Buffer.alloc(50_000));
    let heard = 0;
    const reading = (async () => {
      for await (const chunk of stream) {
        heard += (chunk as Buffer).length;
        for (let turn = 0; turn < 20; turn += 1) await nextImmediate();
      }
    })();
    await giveUp(stream);
    await reading.catch(() => undefined);
    closeSync(holder);
    expect(heard).toBe(written);
  });
});

describe("runProgram", () => {
  it("gives both streams and the exit code", async () => {
    const { given, text } = options();
    expect(await runProgram("sh", ["-c", "echo out; echo err >&2; exit 7"], given)).toEqual({
      exitCode: 7,
      stdout: "",
    });
    expect(text().split("\n").sort()).toEqual(["", "err", "out"]);
  });

  it("keeps standard output when asked, and feeds standard input", async () => {
    const { given, text } = options({ captureStdout: true, input: "fed" });
    expect(await runProgram("sh", ["-c", "cat; echo err >&2"], given)).toEqual({
      exitCode: 0,
      stdout: "fed",
    });
    expect(text()).toBe("err\n");
  });

  it("ends with whoever takes its output", async () => {
    const output = (): void => {
      throw new Error("the disk is full");
    };
    const { given } = options({ output });
    await expect(runProgram("sh", ["-c", "echo out; exec sleep 600"], given)).rejects.toThrow(
      "the disk is full",
    );
  });

  it("is not held up by who writes on for ever, out of its reach", async () => {
    const { given, text } = options();
    expect(
      await runProgram("sh", ["-c", "setsid sh -c 'while :; do echo y; done' & exit 3"], given),
    ).toMatchObject({ exitCode: 3 });
    expect(text()).toMatch(/^y\n/);
  });

  it("says a signal as a shell does", async () => {
    expect((await runProgram("sh", ["-c", "kill -KILL $$"], options().given)).exitCode).toBe(137);
  });

  it("passes words as they are, and nothing of the environment", async () => {
    const { given } = options({ captureStdout: true, env: { ...path, ONLY: "this" } });
    const { stdout } = await runProgram("sh", ["-c", 'printf %s "$1"; env', "sh", "$(id) ; 'x'"], given);
    expect(stdout.startsWith("$(id) ; 'x'")).toBe(true);
    expect(stdout).toContain("ONLY=this");
    expect(stdout).not.toContain("HOME=");
  });

  it("has a word for a program that is not there", async () => {
    await expect(runProgram("no-such-program", [], options().given)).rejects.toMatchObject({
      code: "engine-missing",
    });
    await expect(runProgram(folder, [], options().given)).rejects.toMatchObject({ code: "engine-failed" });
  });

  it("ends a program whose captured output has no end", async () => {
    const { given } = options({ captureStdout: true });
    await expect(runProgram("sh", ["-c", "while :; do echo 0123456789; done"], given)).rejects.toMatchObject({
      code: "engine-failed",
    });
  });

  it("starts nothing once the signal was given", async () => {
    const { given } = options({ signal: AbortSignal.abort() });
    await expect(runProgram("sh", ["-c", "true"], given)).rejects.toMatchObject({ name: "AbortError" });
  });

  it("ends children of the program too, before it rejects", async () => {
    const controller = new AbortController();
    const file = join(folder, "child");
    const { given, text } = options({ signal: controller.signal });
    const script = `sleep 600 & echo $! > ${file}; echo started; wait`;
    const run = runProgram("sh", ["-c", script], given);
    const gone = expect(run).rejects.toMatchObject({ name: "AbortError" });
    while (text() === "") await sleep(5);
    controller.abort();
    await gone;
    const child = Number(readFileSync(file, "utf8"));
    expect(isRunning(child)).toBe(false);
  });

  it("does not wait for ever for a child that holds the pipes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const running = runProgram("sh", ["-c", "sleep 600 & exit 3"], options().given);
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1), { timeout: 30_000 });
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await running).exitCode).toBe(3);
  });
});

/** A process that has ended and whom nobody waited for is not running. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe("engineEnvironment", () => {
  it("keeps what engines read, and no secret", () => {
    const environment = engineEnvironment({
      PATH: "relative:/usr/bin::/bin",
      HOME: "/home/x",
      GITHUB_TOKEN: "secret",
      AWS_SECRET_ACCESS_KEY: "secret",
      WAYBILL_PASSWORD: "secret",
      https_proxy: "http://proxy:3128",
      DOCKER_HOST: "unix:///run/docker.sock",
      STORAGE_DRIVER: "vfs",
      BUILDAH_ISOLATION: "chroot",
      XDG_RUNTIME_DIR: "/run/user/1",
      DOCKER_PASSWORD: "secret",
      LD_PRELOAD: "/evil.so",
    });
    expect(environment).toEqual({
      PATH: "/usr/bin:/bin",
      HOME: "/home/x",
      https_proxy: "http://proxy:3128",
      DOCKER_HOST: "unix:///run/docker.sock",
      STORAGE_DRIVER: "vfs",
      BUILDAH_ISOLATION: "chroot",
      XDG_RUNTIME_DIR: "/run/user/1",
    });
  });

  it("has no PATH rather than the working directory", () => {
    expect(engineEnvironment({ PATH: "." })).toEqual({});
  });
});
