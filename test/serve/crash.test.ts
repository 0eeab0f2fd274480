import { join } from "node:path";
import { expect } from "vitest";
import { builtPackage } from "../support/built.ts";
import { run } from "../support/child.ts";
import { testWith } from "../support/programs.ts";

/** Two kills: what dies three times is given up, and then nothing has to hold of it. */
testWith("git")(
  "a server that is killed under load loses nothing, and does nothing twice",
  async () => {
    const bench = join(import.meta.dirname, "../../bench/serve/crash.mjs");
    const load = ["--kills", "2", "--between", "1500", "--pace", "500", "--told", "10", "--quiet", "400"];
    const ended = await run(process.execPath, [bench, "pglite", ...load, "--dist", builtPackage()]);
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^in all +holds$/m) });
  },
  600_000,
);
