/** An event as it goes over the line (HTML, section 9.2). */
export interface ServerEvent {
  readonly event: string;
  readonly id?: string | undefined;
  /** JSON, or any text of one line. */
  readonly data: string;
}

const encoder = new TextEncoder();

export function encodeEvent({ event, id, data }: ServerEvent): Uint8Array {
  return encoder.encode(`event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`);
}

/** What keeps proxies and browsers from giving up a stream on which nothing happens. */
export const comment = encoder.encode(":\n\n");
/** What a stream begins with. */
export const beginning = encoder.encode("retry: 2000\n\n");
