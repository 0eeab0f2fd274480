import { describe, expect, test } from "vitest";
import { isNullScalar, parseYaml, readBoolean, type YamlNode } from "../../src/yaml/index.ts";

function itemOf(text: string): YamlNode {
  const { root } = parseYaml(`- ${text}\n`);
  const item = root?.kind === "sequence" ? root.items[0] : undefined;
  if (item === undefined) throw new Error("no item");
  return item;
}

describe("null", () => {
  test.each(["", "~", "null", "Null", "NULL"])("%j stands for no value", (text) => {
    expect(isNullScalar(itemOf(text))).toBe(true);
  });

  test.each(['""', "''", '"null"', "nULL", "nil", "[]", "{}", "0"])("%j is a value", (text) => {
    expect(isNullScalar(itemOf(text))).toBe(false);
  });
});

describe("booleans of YAML 1.1", () => {
  test.each(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])(
    "%s is true",
    (text) => {
      expect(readBoolean(itemOf(text))).toBe(true);
    },
  );

  test.each(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])(
    "%s is false",
    (text) => {
      expect(readBoolean(itemOf(text))).toBe(false);
    },
  );

  test.each(['"true"', "'yes'", "1", "0", "tRUE", "yEs", "", "~", "[true]"])("%j is no boolean", (text) => {
    expect(readBoolean(itemOf(text))).toBeUndefined();
  });
});
