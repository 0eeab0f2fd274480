import { expect, test } from "vitest";
import { DatabaseError } from "../../src/database/index.ts";
import { untilBack } from "../../src/work/until-back.ts";

const away = new DatabaseError("unreachable", "the server is away");

function failing(...errors: readonly Error[]) {
  const left = [...errors];
  return async (): Promise<number> => {
    const next = left.shift();
    if (next !== undefined) throw next;
    return 42;
  };
}

test("what came of a run is kept when the database is back, as long as the run is ours", async () => {
  const { signal } = new AbortController();
  const run = { signal, stillMine: async () => true };
  expect(await untilBack(run, failing(away, away))).toBe(42);
  await expect(untilBack({ ...run, stillMine: async () => false }, failing(away))).rejects.toBe(away);
  await expect(untilBack({ ...run, signal: AbortSignal.abort() }, failing(away))).rejects.toBe(away);
  const refused = new DatabaseError("refused", "no");
  await expect(untilBack(run, failing(refused))).rejects.toBe(refused);
});
