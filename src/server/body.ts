/** Why a body is not there, whole. */
export type BodyFault = "too-large" | "too-slow";

/**
 * Reads the body of a request: no more than so many bytes, within so many milliseconds. What is announced to be more is refused
 * unread.
 */
export async function readBody(
  request: Request,
  most: number,
  within: number,
): Promise<Uint8Array | BodyFault> {
  if (Number(request.headers.get("content-length") ?? 0) > most) return "too-large";
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  let isLate = false;
  const patience = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => undefined);
  }, within);
  try {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) return "too-slow";
      if (done) return Buffer.concat(pieces, length);
      length += value.length;
      if (length > most) {
        reader.cancel().catch(() => undefined);
        return "too-large";
      }
      pieces.push(value);
    }
  } finally {
    clearTimeout(patience);
  }
}
