import { expect, test } from "vitest";
import { jsonText } from "../../src/database/index.ts";
import { describeDatabases } from "../support/databases.ts";

describeDatabases(({ open }) => {
  test("values come out as they went in", async () => {
    const db = await open();
    const text = 'b "q" \\ ,{}\n ü';
    const time = new Date(1_700_000_000_123);
    const [row] = await db.query(
      `SELECT $1::int8 AS large, $2::int AS number, $3::jsonb AS json, $4::bytea AS bytes, $5::timestamptz AS time,
         $6::text[] AS texts, $7::int8[] AS larges, $8::boolean AS yes, $9::text AS nothing, $10::float8 AS fraction,
         $11::timestamptz[] AS times, $12::jsonb AS list, $13::bytea[] AS blobs, $14::int[] AS nested, $15::text AS text,
         $16::jsonb[] AS documents`,
      [
        9_007_199_254_740_993n,
        7,
        { a: [1, text, null] },
        new Uint8Array([0, 1, 255]),
        time,
        ["a", text, "", "NULL", null],
        ["1", 2n],
        true,
        undefined,
        1.25,
        [time],
        JSON.stringify([1, "2"]),
        [new Uint8Array([0, 92, 34])],
        [
          [1, 2],
          [3, 4],
        ],
        text,
        [{ a: text }, null],
      ],
    );
    expect(row).toEqual({
      large: "9007199254740993",
      number: 7,
      json: { a: [1, text, null] },
      bytes: new Uint8Array([0, 1, 255]),
      time,
      texts: ["a", text, "", "NULL", null],
      larges: ["1", "2"],
      yes: true,
      nothing: null,
      fraction: 1.25,
      times: [time],
      list: [1, "2"],
      blobs: [new Uint8Array([0, 92, 34])],
      nested: [
        [1, 2],
        [3, 4],
      ],
      text,
      documents: [{ a: text }, null],
    });
  });

  test("what no text can hold is replaced, wherever it stands", async () => {
    const db = await open();
    const odd = "a\0b\uD800c\uDC00 \\u0000 \u{1F600}";
    const kept = "a\uFFFDb\uFFFDc\uFFFD \\u0000 \u{1F600}";
    const [row] = await db.query(
      "SELECT $1::text AS text, $2::text[] AS texts, $3::jsonb AS json, $4::jsonb AS list",
      [...[odd, [odd], { [odd]: [odd, "\\u0000", "\\\0"] }, jsonText([odd])]],
    );
    expect(row).toEqual({
      ...{ text: kept, texts: [kept], list: [kept] },
      json: { [kept]: [kept, "\\u0000", "\\\uFFFD"] },
    });
  });

  test("identifiers and sums are digits, and nothing is lost of them", async () => {
    const db = await open();
    const rows = await db.query("SELECT count(*), 1.50 AS money, 18446744073709551615::numeric AS large");
    expect(rows).toEqual([{ count: "1", money: "1.50", large: "18446744073709551615" }]);
  });

  test("one query is one statement, a script is many", async () => {
    const db = await open();
    await expect(db.query("SELECT 1; SELECT 2")).rejects.toThrow("multiple commands");
    await db.script("CREATE TABLE a (id int); INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)");
    expect(await db.query("SELECT count(*)::int AS count FROM a")).toEqual([{ count: 2 }]);
  });

  test("no test sees what another one left", async () => {
    const db = await open([
      { id: "a-0001", sql: "CREATE TABLE a (id int); CREATE SCHEMA other; CREATE TABLE other.b (id int)" },
    ]);
    expect(await db.query("SELECT * FROM a")).toEqual([]);
  });
});
