/**
 * Whether a 404 is not the registry's own: registries say in JSON what they do not have, or nothing at all; a page is
 * from what stands in front of one, such as a load balancer that knows no server behind it for the time being.
 */
export function isForeignPage({
  status,
  bytes,
}: {
  readonly status: number;
  readonly bytes: Uint8Array;
}): boolean {
  if (status !== 404) return false;
  const text = Buffer.from(bytes).toString("utf8").trim();
  return text !== "" && !/^[[{]/.test(text);
}
