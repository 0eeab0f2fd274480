import fc from "fast-check";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { defaultTiming } from "../../src/http/timing.ts";
import { type AddressKind, isLoopbackHost, kindOfAddress } from "../../src/http/way/address.ts";
import { openTransport, type Transport } from "../../src/http/way/transport.ts";
import { endpointOf, pathOnEndpoint } from "../../src/registry/host/endpoint.ts";
import type { HostSettings } from "../../src/settings/index.ts";
import { answer, startScriptedServer } from "../support/scripted-server.ts";

describe("the kind of an address", () => {
  const kinds: [AddressKind, string[]][] = [
    ["public", ["8.8.8.8", "172.15.255.255", "172.32.0.0", "100.128.0.0", "2606:4700::1111", "2001:4860::1"]],
    ["loopback", ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "[::1]"]],
    [
      "private",
      ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "fec0::1", "::ffff:10.0.0.1"],
    ],
    ["link-local", ["169.254.1.1", "fe80::1%eth0", "febf::1", "64:ff9b::a9fe:101"]],
    ["metadata", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "::ffff:169.254.169.254"]],
    [
      "metadata",
      ["64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1", "::169.254.169.254", "fd00:0ec2:0:0::0254"],
    ],
    ["unspecified", ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"]],
    [
      "reserved",
      ["192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "ff02::1", "2001:db8::1", "100::1"],
    ],
  ];
  it.each(kinds.flatMap(([kind, addresses]) => addresses.map((address) => [address, kind] as const)))(
    "of %s is %s",
    (address, kind) => expect(kindOfAddress(address)).toBe(kind),
  );

  it("is that of the IPv4 address, however that is written in IPv6", () => {
    const byte = fc.nat(255);
    fc.assert(
      fc.property(byte, byte, byte, byte, (a, b, c, d) => {
        const plain = `${a}.${b}.${c}.${d}`;
        const [high, low] = [(a << 8) | b, (c << 8) | d].map((group) => group.toString(16));
        const kind = kindOfAddress(plain);
        expect(kindOfAddress(`::ffff:${plain}`)).toBe(kind);
        expect(kindOfAddress(`::FFFF:${high}:${low}`)).toBe(kind);
        expect(kindOfAddress(`0:0:0:0:0:ffff:${high}:${low}`)).toBe(kind);
        expect(kindOfAddress(`64:ff9b::${plain}`)).toBe(kind);
        expect(kindOfAddress(`2002:${high}:${low}::`)).toBe(kind);
      }),
    );
  });

  it("of what is no address is nothing that may be connected to", () => {
    for (const text of ["", "localhost", "1.2.3", "::g", "1.2.3.4.5"])
      expect(kindOfAddress(text)).toBe("reserved");
  });
});

describe("the endpoint of a host", () => {
  it.each([
    ["registry.example.com", {}, "https://registry.example.com", false],
    ["registry.example.com:5000", {}, "https://registry.example.com:5000", false],
    ["registry.example.com", { http: true }, "http://registry.example.com", false],
    ["10.0.0.1:5000", {}, "https://10.0.0.1:5000", false],
    ["localhost:5000", {}, "http://localhost:5000", true],
    ["127.0.0.2:5000", {}, "http://127.0.0.2:5000", true],
    ["[::1]:5000", {}, "http://[::1]:5000", true],
    ["localhost", {}, "http://localhost", true],
    ["localhost:443", {}, "https://localhost", false],
    ["localhost:5000", { http: false }, "https://localhost:5000", false],
    ["localhost:5000", { tls: { ca: "/ca.pem" } }, "https://localhost:5000", false],
    ["localhost.example.com", {}, "https://localhost.example.com", false],
    ["docker.io", {}, "https://registry-1.docker.io", false],
    ["index.docker.io", {}, "https://registry-1.docker.io", false],
  ] as [string, HostSettings, string, boolean][])(
    "of %s with %j is %s",
    (host, settings, origin, loopbackOnly) => {
      const endpoint = endpointOf(host, settings);
      expect([endpoint.origin.origin, endpoint.loopbackOnly]).toEqual([origin, loopbackOnly]);
    },
  );

  it("has one name for all names of one registry", () => {
    const names = ["docker.io", "index.docker.io", "registry-1.docker.io"].map(
      (host) => endpointOf(host).host,
    );
    expect(new Set(names)).toEqual(new Set(["docker.io"]));
    expect(endpointOf("gcr.io:443").host).toBe("gcr.io");
    expect(pathOnEndpoint(endpointOf("docker.io"), "alpine")).toBe("library/alpine");
    expect(pathOnEndpoint(endpointOf("docker.io"), "team/app")).toBe("team/app");
    expect(pathOnEndpoint(endpointOf("gcr.io"), "alpine")).toBe("alpine");
  });

  it("is loopback by its text only when that leaves no doubt", () => {
    expect(["localhost", "127.0.0.1", "[::1]"].every(isLoopbackHost)).toBe(true);
    expect(["localhost.evil.org", "127.0.0.1.nip.io", "10.0.0.1", "example.com"].some(isLoopbackHost)).toBe(
      false,
    );
  });
});

describe("security point 4: where a registry may send us", () => {
  afterEach(async () => {});

  const transportOf = (host: string, settings: HostSettings = {}, environment = {}): Transport => {
    const endpoint = endpointOf(host, settings);
    const allowPrivateAddresses = settings.allowPrivateAddresses === true;
    const timing = { ...defaultTiming, connect: 300 };
    const transport = openTransport({
      endpoint,
      allowPrivateAddresses,
      tlsOf: (name) => (name === endpoint.host ? settings.tls : undefined),
      environment,
      connections: 2,
      timing,
    });
    onTestFinished(() => transport.close());
    return transport;
  };

  const ask = (transport: Transport, url: string) =>
    transport
      .request({ method: "GET", url: new URL(url), headers: {}, answerWithin: 300 })
      .then(({ status }) => status)
      .catch((error: { code?: unknown }) => error.code);

  it.each([
    "http://127.0.0.1:1/",
    "http://[::1]:1/",
    "http://0.0.0.0:1/",
    "http://2130706433:1/",
    "http://0x7f.1:1/",
    "http://[::ffff:127.0.0.1]:1/",
    "http://10.0.0.1:1/",
    "http://localhost:1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/",
  ])("a public one never to %s", async (url) => {
    expect(await ask(transportOf("registry.example.com"), url)).toBe("unsafe-address");
  });

  it("one on this machine to this machine, but not into the network, nor to the machine's secrets", async () => {
    const server = await startScriptedServer((_, response) => answer(response, 204));
    onTestFinished(server.close);
    const transport = transportOf("127.0.0.1:1");
    expect(await ask(transport, `${server.origin}/`)).toBe(204);
    expect(await ask(transport, "http://10.0.0.1/")).toBe("unsafe-address");
    expect(await ask(transport, "http://169.254.169.254/")).toBe("unsafe-address");
  });

  it("one in a private network into that network, once it is known to be there", async () => {
    const transport = transportOf("10.255.255.1", { http: true });
    expect(await ask(transport, "http://10.255.255.2/")).not.toBe("unsafe-address");
    expect(await ask(transport, "http://127.0.0.1:1/")).toBe("unsafe-address");
    expect(await ask(transport, "http://169.254.169.254/")).toBe("unsafe-address");
  });

  it("one that is named localhost, when the connection shows that it is here, also to here", async () => {
    const server = await startScriptedServer((_, response) => answer(response, 204));
    onTestFinished(server.close);
    const port = server.host.split(":")[1];
    const transport = transportOf(`localhost:${port}`);
    expect(await ask(transport, `http://127.0.0.1:${port}/`)).toBe("unsafe-address");
    expect(await ask(transport, `http://localhost:${port}/`)).toBe(204);
    expect(await ask(transport, `http://127.0.0.1:${port}/`)).toBe(204);
  });

  it("anywhere private where the settings allow it, except to the machine's secrets", async () => {
    const server = await startScriptedServer((_, response) => answer(response, 204));
    onTestFinished(server.close);
    const transport = transportOf("registry.example.com", { allowPrivateAddresses: true });
    expect(await ask(transport, `${server.origin}/`)).toBe(204);
    expect(await ask(transport, "http://169.254.169.254/")).toBe("unsafe-address");
  });

  it("behind a proxy not to forbidden addresses either, as far as they can be seen", async () => {
    const proxy = await startScriptedServer((_, response) => answer(response, 204));
    onTestFinished(proxy.close);
    const transport = transportOf("registry.example.com", {}, { http_proxy: proxy.origin });
    expect(await ask(transport, "http://10.0.0.1/")).toBe("unsafe-address");
    expect(await ask(transport, "http://localhost:1/")).toBe("unsafe-address");
    expect(await ask(transport, "http://storage.example.com/")).toBe(204);
    expect(proxy.seen.map(({ url }) => url)).toEqual(["http://storage.example.com/"]);
  });
});
