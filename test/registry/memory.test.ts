import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { clientOf } from "../support/registry-client.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

function heldBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

test("a repository is little more than its name, for a large tree has thousands", () => {
  const { repository } = clientOf("registry.example.com");
  const count = 50_000;
  const before = heldBytes();
  const all = Array.from({ length: count }, (_, at) => repository(`team/app-${at}`));
  const each = (heldBytes() - before) / count;
  expect(all.at(-1)?.name).toBe(`registry.example.com/team/app-${count - 1}`);
  expect(each).toBeLessThan(1000);
});
