import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  bootMark,
  type HeldLock,
  holdingLock as holding,
  isKnownToHaveEnded,
  isOfEarlierBoot,
  processMark,
} from "../../src/disk/index.ts";
import { temporaryFolder } from "../support/tree.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let file: string;
beforeEach(async () => {
  temporary = await temporaryFolder("process");
  file = join(temporary.path, "lock");
});
afterEach(() => temporary.remove());

/** What the room that locks would throw. */
class Refused extends Error {}

function holdingLock<Result>(
  path: string,
  body: (lock: HeldLock) => Promise<Result>,
  patienceMilliseconds?: number,
): Promise<Result> {
  const failure = (cause: unknown, where: string) => new Refused(where, { cause });
  return holding(path, body, {
    failure,
    ...(patienceMilliseconds === undefined ? {} : { patienceMilliseconds }),
  });
}

/** The mark that a process of this machine would have had that has ended by now. */
function markOfEnded(): string {
  const { pid } = spawnSync(process.execPath, ["-e", "0"]);
  return processMark().replace(/^[0-9]+/, String(pid));
}

describe("a lock", () => {
  test("is released by work that throws before it has a promise to give", async () => {
    const failing = holdingLock(file, () => {
      throw new Error("at once");
    });
    await expect(failing).rejects.toThrow("at once");
    expect(await readdir(temporary.path)).toEqual([]);
  });

  test("that cannot be looked at in the end hides nothing of what the work failed with", async () => {
    const failing = holdingLock(file, async () => {
      await rm(file);
      // Links are not followed.
      await symlink("elsewhere", file);
      throw new Error("of its own");
    });
    await expect(failing).rejects.toThrow("of its own");
  });

  test("lets one in at a time", async () => {
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, () =>
        holdingLock(file, async ({ isMine }) => {
          inside += 1;
          most = Math.max(most, inside);
          expect(await isMine()).toBe(true);
          inside -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(await readdir(temporary.path)).toEqual([]);
  });

  test("is released when its work fails, and gives what its work gives", async () => {
    await expect(holdingLock(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await holdingLock(file, async () => 7)).toBe(7);
  });

  test("of a process that has ended is taken over at once", async () => {
    await writeFile(file, `${markOfEnded()} token\n`);
    expect(await holdingLock(file, async () => "mine")).toBe("mine");
    expect(await readdir(temporary.path)).toEqual([]);
  });

  test.each([
    ["of a process elsewhere", "123-0123456789ab token\n"],
    ["that was never written", ""],
    ["of a living process that does not touch it", `${processMark()} token\n`],
  ])("%s is taken over when it shows no sign of life", async (_, token) => {
    await writeFile(file, token);
    expect(await holdingLock(file, async () => "mine", 200)).toBe("mine");
  });

  test("is respected while it is touched", async () => {
    await writeFile(file, "123-0123456789ab token\n");
    // Its patience goes by a clock that stands still but for us.
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    let touches = 0;
    const holding = holdingLock(file, async () => expect(touches).toBe(40), 1500);
    for (; touches < 40; touches += 1) {
      await utimes(file, touches, touches);
      await sleep(2);
      vi.advanceTimersByTime(100);
    }
    await rm(file);
    await holding;
  });

  test("that was taken away is known to be lost, and the one that took it is left alone", async () => {
    await holdingLock(file, async ({ isMine }) => {
      await writeFile(file, "other");
      expect(await isMine()).toBe(false);
    });
    expect(await readFile(file, "utf8")).toBe("other");
  });

  test("puts a file for its holder, and nothing once it has been taken away", async () => {
    const target = join(temporary.path, "target");
    const elsewhere = join(temporary.path, "none", "target");
    await holdingLock(file, async ({ replace }) => {
      expect(await replace(target, "mine")).toBe(true);
      await expect(replace(elsewhere, "mine")).rejects.toMatchObject({ code: "ENOENT" });
      await writeFile(file, "other");
      expect(await replace(target, "late")).toBe(false);
    });
    expect(await readFile(target, "utf8")).toBe("mine");
    expect((await readdir(temporary.path)).sort()).toEqual(["lock", "target"]);
  });

  test("takes from the one before what it was about to put, which goes on to find that it lost", async () => {
    const target = join(temporary.path, "target");
    const drafts = async () => (await readdir(temporary.path)).filter((name) => name.includes(".draft."));
    await holdingLock(file, async ({ replace }) => {
      // Takes long enough to be looked at while it is under way.
      const replacing = replace(target, Buffer.alloc(64 * 1024 * 1024));
      while ((await drafts()).length === 0) await new Promise(setImmediate);
      await rm(file);
      await holdingLock(file, async (next) => {
        expect(await drafts()).toEqual([]);
        expect(await next.replace(target, "next")).toBe(true);
      });
      expect(await replacing).toBe(false);
    });
    expect(await readFile(target, "utf8")).toBe("next");
    expect(await drafts()).toEqual([]);
  });

  test("that is a folder, or cannot be made, is an error", async () => {
    await mkdir(file);
    await expect(holdingLock(file, async () => 1)).rejects.toBeInstanceOf(Refused);
    await expect(holdingLock(join(temporary.path, "no", "lock"), async () => 1)).rejects.toBeInstanceOf(
      Refused,
    );
  });
});

describe("the mark of a process", () => {
  test("tells whether it has ended, where that can be known", () => {
    expect(isKnownToHaveEnded(markOfEnded())).toBe(true);
    expect(isKnownToHaveEnded(`${markOfEnded()}.draft`)).toBe(true);
    expect(isKnownToHaveEnded(processMark())).toBe(false);
    expect(isKnownToHaveEnded("123-0123456789ab")).toBe(false);
    expect(isKnownToHaveEnded("")).toBe(false);
  });
});

describe("the mark of a start of the machine", () => {
  test("tells what an earlier start left behind, where machines have an identity", () => {
    const own = bootMark();
    const longAgo = new Date("2000-01-01");
    const earlier = own?.replace(/[^-]+$/, "0123456789ab") ?? "";
    expect(isOfEarlierBoot(earlier, longAgo)).toBe(own !== undefined);
    expect(isOfEarlierBoot(earlier, new Date())).toBe(false);
    for (const text of [own ?? "", "0123456789ab-0123456789ab", `${earlier}-more`, "", "-"]) {
      expect(isOfEarlierBoot(text, longAgo)).toBe(false);
    }
  });
});
