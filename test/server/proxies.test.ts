import { expect, it } from "vitest";
import { clientAddress } from "../../src/server/proxies.ts";

it.each([
  ["of nobody, whom nobody trusts", [], "203.0.113.9", "198.51.100.1", "203.0.113.9"],
  ["of a client that only says so", ["10.0.0.0/8"], "203.0.113.9", "198.51.100.1", "203.0.113.9"],
  ["behind a proxy", ["10.0.0.0/8"], "10.1.2.3", "198.51.100.1", "198.51.100.1"],
  [
    "behind one that got a forged header",
    ["10.0.0.0/8"],
    "10.1.2.3",
    "1.1.1.1, 198.51.100.1",
    "198.51.100.1",
  ],
  ["behind two", ["10.0.0.0/8", "192.0.2.7"], "10.1.2.3", "1.1.1.1, 198.51.100.1, 192.0.2.7", "198.51.100.1"],
  ["behind one that says nothing", ["10.0.0.0/8"], "10.1.2.3", undefined, "10.1.2.3"],
  ["behind one that says no address", ["10.0.0.0/8"], "10.1.2.3", "1.1.1.1, <script>", "10.1.2.3"],
  ["of a proxy itself", ["10.0.0.0/8"], "10.1.2.3", "10.9.9.9", "10.9.9.9"],
  ["with ports", ["10.0.0.0/8"], "10.1.2.3", "198.51.100.1:4711", "198.51.100.1"],
  ["of version 6", ["fd00::/8", "::1"], "::1", "2001:DB8::1, [fd00::7]:443", "2001:db8::1"],
  ["of version 4, written as 6", ["10.0.0.0/8"], "10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1"],
  ["of nobody who is known", ["10.0.0.0/8"], undefined, "198.51.100.1", "unknown"],
] as const)("knows the address %s", (_, trusted, peer, forwardedFor, address) => {
  expect(clientAddress(trusted)(peer, forwardedFor)).toBe(address);
});
