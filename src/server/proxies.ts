import { BlockList, isIP } from "node:net";

/** Where a request comes from, by the connection and by what those say who hand it on. */
export type ClientAddress = (peer: string | undefined, forwardedFor: string | undefined) => string;

/**
 * Believes proxies of whom they have a request. `X-Forwarded-For` is read from its end: each proxy adds the address that it sees, so what
 * stands before the first address that is no proxy of ours is anybody's word.
 * @param trusted Addresses, and networks as `10.0.0.0/8`.
 */
export function clientAddress(trusted: readonly string[]): ClientAddress {
  const proxies = new BlockList();
  for (const one of trusted) {
    const [address = "", bits] = one.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    proxies.addSubnet(address, Number(bits ?? (family === "ipv6" ? 128 : 32)), family);
  }
  const isProxy = (address: string): boolean =>
    isIP(address) !== 0 && proxies.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return (peer, forwardedFor) => {
    let address = peer ?? "unknown";
    for (const said of (forwardedFor ?? "").split(",").reverse()) {
      if (!isProxy(address)) break;
      const next = bareAddress(said.trim());
      if (next === undefined) break;
      address = next;
    }
    return address;
  };
}

/** An address without the port that some proxies write behind it. */
function bareAddress(text: string): string | undefined {
  const [, bracketed, dotted] = /^\[([0-9a-f:.]{2,45})\](?::\d+)?$|^([\d.]{7,15}):\d+$/i.exec(text) ?? [];
  const address = (bracketed ?? dotted ?? text).replace(/^::ffff:(?=[\d.]+$)/i, "");
  return isIP(address) === 0 ? undefined : address.toLowerCase();
}
