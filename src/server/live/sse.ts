/** An event as it goes over the line (HTML, section 9.2). */
export interface ServerEvent {
  readonly event: string;
  /** JSON, or any text of one line. */
  readonly data: string;
}

const encoder = new TextEncoder();

export function encodeEvent({ event, data }: ServerEvent): Uint8Array {
  return encoder.encode(`event: ${event}\ndata: ${data}\n\n`);
}

/** What an event begins with that has an id, when what is the same for all who listen is encoded once. */
export function encodeId(id: string): Uint8Array {
  return encoder.encode(`id: ${id}\n`);
}

/** What keeps proxies and browsers from giving up a stream on which nothing happens. */
export const comment = encoder.encode(":\n\n");
/** What a stream begins with. */
export const beginning = encoder.encode("retry: 2000\n\n");
