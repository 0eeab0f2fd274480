/** Characters that are put together before they are handed on: each part is a write of its own. */
const partLength = 1 << 16;

/**
 * JSON as results have it, in parts, and anew each time it is asked for. Elements of an object's own lists are made into
 * text one by one: that of a large tree's report is too much for one string.
 */
export function asJson(value: object): Iterable<string> {
  return { [Symbol.iterator]: () => gathered(partsOf(value)) };
}

/** Parts of some length, made of parts of any. */
export function* gathered(parts: Iterable<string>): Generator<string> {
  let text = "";
  for (const part of parts) {
    text += part;
    if (text.length < partLength) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}

function* partsOf(value: object): Generator<string> {
  if (Array.isArray(value)) {
    yield* listParts(value, "");
  } else {
    let before = "{";
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      yield `${before}\n  ${JSON.stringify(key)}: `;
      if (Array.isArray(member)) yield* listParts(member, "  ");
      else yield textOf(member, "  ");
      before = ",";
    }
    yield before === "{" ? "{}" : "\n}";
  }
  yield "\n";
}

function* listParts(list: readonly unknown[], indent: string): Generator<string> {
  let before = "[";
  for (const element of list) {
    yield `${before}\n${indent}  ${textOf(element ?? null, `${indent}  `)}`;
    before = ",";
  }
  yield before === "[" ? "[]" : `\n${indent}]`;
}

function textOf(value: unknown, indent: string): string {
  return JSON.stringify(value, undefined, 2).replaceAll("\n", `\n${indent}`);
}
