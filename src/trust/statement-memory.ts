/** Of any value of JSON, and of each name in an object, beside its characters. */
const valueBytes = 64;

/**
 * How many bytes of memory a value from JSON takes, about; never less than its values and characters take at least.
 * @param most from which on it does not matter: no more than so much is looked at.
 */
export function memoryOf(json: unknown, most: number): number {
  let bytes = 0;
  const open: unknown[] = [json];
  while (open.length > 0 && bytes <= most) {
    const value = open.pop();
    bytes += valueBytes;
    if (typeof value === "string") bytes += value.length;
    else if (Array.isArray(value)) for (const each of value) open.push(each);
    else if (typeof value === "object" && value !== null) {
      for (const [name, each] of Object.entries(value)) {
        bytes += valueBytes + name.length;
        open.push(each);
      }
    }
  }
  return bytes;
}
