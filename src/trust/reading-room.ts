/**
 * Memory that is shared by all who read at the same time: work waits until there is room for so many bytes of input and what
 * becomes of them, and has it until it is over. What is large has its own half, where it waits for what is large alone.
 */
export type ReadingRoom = <Result>(bytes: number, work: () => Promise<Result>) => Promise<Result>;

/** Bytes of memory of one run for what is being read. */
const roomBytes = 256 * 1024 * 1024;
/** Bytes from which on something is large. */
const largeBytes = 1024 * 1024;

/**
 * Bytes of memory for each byte that is read: the byte, the text of it, what is decoded out of that and its text, and values of
 * JSON, of which each takes dozens of bytes and may be written with three.
 */
const growth = 16;

/** @param most Bytes of memory, about. */
export function openReadingRoom(most = roomBytes): ReadingRoom {
  const [large, small] = [openHalf(most / 2), openHalf(most / 2)];
  return (bytes, work) => (bytes > largeBytes ? large : small)(bytes, work);
}

/** Whoever came first goes first; what is larger than the whole has it alone. */
function openHalf(most: number): ReadingRoom {
  let left = most;
  const waiting: { readonly weight: number; readonly enter: () => void }[] = [];

  const admit = (): void => {
    for (let first = waiting[0]; first !== undefined && first.weight <= left; first = waiting[0]) {
      waiting.shift();
      left -= first.weight;
      first.enter();
    }
  };
  return async (bytes, work) => {
    const weight = Math.min(bytes * growth, most);
    await new Promise<void>((enter) => {
      waiting.push({ weight, enter });
      admit();
    });
    try {
      return await work();
    } finally {
      left += weight;
      admit();
    }
  };
}
