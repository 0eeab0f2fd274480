/** An event of a stream (HTML, section 9.2). */
export interface StreamedEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Signs of one event beyond which it is given up. */
const maxEventLength = 8 * 1024 * 1024;

/** The events in a stream of bytes; what is no event, such as a comment, is left out. */
export async function* eventsIn(bytes: AsyncIterable<Uint8Array>): AsyncIterable<StreamedEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of bytes) {
    rest += decoder.decode(piece, { stream: true });
    if (rest.length > maxEventLength) throw new RangeError("an event of the stream does not end");
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = eventIn(block);
      if (event !== undefined) yield event;
    }
  }
}

function eventIn(block: string): StreamedEvent | undefined {
  let [event, id]: (string | undefined)[] = [undefined, undefined];
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field, value = ""] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (field === "event") event = value;
    else if (field === "id") id = value;
    else if (field === "data") data.push(value);
  }
  return event === undefined ? undefined : { event, id, data: data.join("\n") };
}
