import { BlockList, isIP } from "node:net";

/**
 * What an IP address leads to, as far as it matters for requests that somebody else sent us on: `metadata` are the
 * addresses where cloud machines are told their own secrets.
 */
export type AddressKind =
  | "public"
  | "loopback"
  | "private"
  | "link-local"
  | "metadata"
  | "unspecified"
  | "reserved";

/** Special ranges (IANA special-purpose address registries, RFC 6890), the first match decides; each made when it is asked. */
const ranges: readonly (readonly [AddressKind, () => BlockList])[] = [
  [
    "metadata",
    blockList(["169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "100.100.100.200/32"]),
  ],
  ["metadata", blockList(["fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128"])],
  ["unspecified", blockList(["0.0.0.0/8", "::/128"])],
  ["loopback", blockList(["127.0.0.0/8", "::1/128"])],
  ["link-local", blockList(["169.254.0.0/16", "fe80::/10"])],
  ["private", blockList(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"])],
  ["private", blockList(["fc00::/7", "fec0::/10"])],
  ["reserved", blockList(["192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24"])],
  ["reserved", blockList(["203.0.113.0/24", "224.0.0.0/3", "2001::/23", "2001:db8::/32", "100::/64"])],
  ["reserved", blockList(["3fff::/20", "5f00::/16", "ff00::/8"])],
];

/** The kind of an IP address in text form; IPv6 forms that carry an IPv4 address count as that address. */
export function kindOfAddress(address: string): AddressKind {
  const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  const family = familyOf(bare);
  if (family === 0) return "reserved";
  const embedded = family === 6 ? embeddedAddress(bare) : undefined;
  if (embedded !== undefined) return kindOfAddress(embedded);
  return ranges.find(([, list]) => list().check(bare, family === 4 ? "ipv4" : "ipv6"))?.[0] ?? "public";
}

/** The host of a URL as an IP address without brackets, or `undefined` when it is a name. */
export function literalAddress(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return familyOf(bare) === 0 ? undefined : bare;
}

/** 4 or 6, or 0 for what is no address: most names show by their characters, and to prove what is one takes long the first time. */
function familyOf(text: string): number {
  return /^[\d.]+$|:/.test(text) ? isIP(text) : 0;
}

/** The host of a URL as sockets want it: an address without brackets. */
export function hostnameOf({ hostname }: URL): string {
  return literalAddress(hostname) ?? hostname;
}

/** Whether a URL's host is loopback by its very text: `localhost`, 127.0.0.0/8 or `::1`. */
export function isLoopbackHost(hostname: string): boolean {
  if (hostname === "localhost") return true;
  const address = literalAddress(hostname);
  return address !== undefined && kindOfAddress(address) === "loopback";
}

/** The IPv4 address in a mapped, compatible, translated (RFC 6052) or 6to4 IPv6 address. */
function embeddedAddress(address: string): string | undefined {
  const groups = groupsOf(address);
  const at = (index: number) => groups[index] ?? 0;
  const leading = (count: number) => groups.slice(0, count).every((group) => group === 0);
  if (at(0) === 0x2002) return dotted(at(1), at(2));
  const mapped = leading(5) && (at(5) === 0xffff || (at(5) === 0 && at(6) !== 0));
  const translated = at(0) === 0x64 && at(1) === 0xff9b;
  const alternative = leading(4) && at(4) === 0xffff && at(5) === 0;
  return mapped || translated || alternative ? dotted(at(6), at(7)) : undefined;
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = "", tail] = hex.split("::");
  const read = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const before = read(head);
  if (tail === undefined) return before;
  const after = read(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function blockList(subnets: readonly string[]): () => BlockList {
  let made: BlockList | undefined;
  return () => {
    if (made !== undefined) return made;
    made = new BlockList();
    for (const subnet of subnets) {
      const [network = "", prefix = ""] = subnet.split("/");
      made.addSubnet(network, Number(prefix), network.includes(":") ? "ipv6" : "ipv4");
    }
    return made;
  };
}
