/**
 * Whoever is behind a network address, as far as limits are concerned: an IPv4 address, or the first half of an IPv6
 * one, for one household has as many of the latter as it likes.
 */
export function clientAt(address: string | undefined): string {
  const text = (address ?? "").replace(/%.*$/, "").replace(/^::ffff:(?=[\d.]+$)/i, "");
  if (!text.includes(":")) return text;
  const [before = "", after = ""] = text.split("::");
  const leading = before === "" ? [] : before.split(":");
  const trailing = after === "" ? [] : after.split(":");
  const gap = Array<string>(Math.max(0, 8 - leading.length - trailing.length)).fill("0");
  return `${[...leading, ...gap, ...trailing].slice(0, 4).join(":")}::/64`;
}
