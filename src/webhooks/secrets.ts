import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** New for each process: what is compared cannot be known beforehand. */
const blind = randomBytes(32);

/**
 * Whether two values are the same, in a time that depends on neither. Their digests are compared, because the comparison
 * itself would throw for values of unequal length.
 */
function isSame(one: string | Uint8Array, other: string | Uint8Array): boolean {
  const digest = (value: string | Uint8Array) => createHmac("sha256", blind).update(value).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Whether one of the values that were given is one of those expected. All pairs are compared, whichever fits. */
export function isAnySame(
  given: readonly (string | Uint8Array)[],
  expected: readonly (string | Uint8Array)[],
): boolean {
  let isFound = false;
  for (const one of given) {
    for (const other of expected) isFound = isSame(one, other) || isFound;
  }
  return isFound;
}
