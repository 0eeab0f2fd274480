import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JsonMember, readMembers } from "../../src/registry/remote/json-members.ts";

const fields = new Set(["tags", "manifest"]);

async function read(text: string) {
  const members: JsonMember[] = [];
  const found = await readMembers(Buffer.from(text), fields, (member) => void members.push(member));
  return { members, found: Object.fromEntries(found) };
}

/** The same by parsing all at once. */
function expected(text: string) {
  const json: Record<string, unknown> = JSON.parse(text);
  const found = Object.entries(json).filter(([field]) => fields.has(field));
  const held = found.filter(([, value]) => value !== null);
  const membersOf = (field: string, value: unknown): JsonMember[] =>
    Array.isArray(value)
      ? value.map((element: unknown) => ({ field, key: undefined, value: element }))
      : Object.entries(value as object).map(([key, member]) => ({ field, key, value: member }));
  return {
    members: held.flatMap(([field, value]) => membersOf(field, value)),
    found: Object.fromEntries(found.map(([field, value]) => [field, value !== null])),
  };
}

/** Keys that an object keeps in the order in which they are written. */
const key = fc.string().filter((text) => !/^\d+$/.test(text) && text !== "__proto__" && !fields.has(text));
const small = fc.jsonValue({ maxDepth: 3 });
const held = fc.oneof(fc.array(small), fc.dictionary(key, small), fc.constant(null));
const document = fc.record(
  { tags: held, other: small, manifest: held, 'an"other': small },
  { requiredKeys: [] },
);

describe("the members of a document's fields", () => {
  test("are those that parsing finds, however it is written", async () => {
    await fc.assert(
      fc.asyncProperty(document, fc.constantFrom(undefined, 1, "\t"), async (json, indent) => {
        const text = JSON.stringify(json, undefined, indent);
        expect(await read(` ${text}\n`)).toEqual(expected(text));
      }),
    );
  });

  test("are not there where the document is cut off, or something stands behind it", async () => {
    const text =
      '{"name":"a/b","tags":["v1","v\\"2"],"manifest":{"x":{"tag":["v1"]},"y":{}},"more":[1,{"a":null}]}';
    await read(text);
    for (let end = 0; end < text.length; end += 1) {
      await expect(read(text.slice(0, end)), text.slice(0, end)).rejects.toThrow(SyntaxError);
    }
    for (const more of ["{}", ",", "x"]) await expect(read(text + more)).rejects.toThrow(SyntaxError);
  });

  test.each([
    '{"tags":"v1"}',
    '{"tags":[1 2]}',
    '{"tags":[1,]}',
    '{"tags":{"a" 1}}',
    "[]",
    '{"tags":[tru]}',
    "{,}",
  ])("are not there in %s", async (text) => {
    await expect(read(text)).rejects.toThrow(SyntaxError);
  });

  test("are neither very large nor very deep, and nor is what stands between them", async () => {
    const deep = `${"[".repeat(3_000_000)}${"]".repeat(3_000_000)}`;
    await expect(read(`{"x":${deep},"tags":[]}`)).rejects.toThrow("nested");
    await expect(read(`{"tags":[${deep}]}`)).rejects.toThrow("nested");
    await expect(read(`{"tags":["${"v".repeat(2_000_000)}"]}`)).rejects.toThrow("too large");
    expect(await read(`{"x":"${"v".repeat(2_000_000)}","tags":[]}`)).toEqual({
      members: [],
      found: { tags: true },
    });
  });

  test("leave others their turn while they are read", async () => {
    let turns = 0;
    let isOver = false;
    const others = (): void => {
      turns += 1;
      if (!isOver) setImmediate(others);
    };
    setImmediate(others);
    await read(`{"tags":[${Array.from({ length: 400_000 }, (_, at) => `"v${at}"`).join()}]}`);
    isOver = true;
    expect(turns).toBeGreaterThan(8);
  });
});
