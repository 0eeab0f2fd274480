import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect } from "vitest";

const root = resolve(import.meta.dirname, "../..");

/** Holds a schema for editors against the file of the package, or writes it with `UPDATE_SCHEMA=1`. */
export async function expectKept(name: string, schema: object): Promise<void> {
  const file = join(root, name);
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (process.env.UPDATE_SCHEMA === "1") await writeFile(file, text);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(JSON.parse(text));
}

/** Every key that a schema knows, at any depth. */
export function keysOf(schema: unknown): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([name, value]) =>
    name === "properties" && typeof value === "object" && value !== null
      ? [...Object.keys(value), ...Object.values(value).flatMap(keysOf)]
      : keysOf(value),
  );
}
