import { describe, expect, it } from "vitest";
import { proxyFor } from "../../src/http/way/way.ts";

const environment = { HTTPS_PROXY: "http://proxy:3128", HTTP_PROXY: "plain:3129" };
const through = (url: string, noProxy = "") => proxyFor(new URL(url), { ...environment, NO_PROXY: noProxy });

describe("the proxy of a URL", () => {
  it("goes by its scheme", () => {
    expect(through("https://registry.example.com/v2/")).toBe("http://proxy:3128");
    expect(through("http://registry.example.com/v2/")).toBe("http://plain:3129");
    expect(proxyFor(new URL("https://a.example"), { HTTP_PROXY: "http://plain:3129" })).toBeUndefined();
  });

  it("is named in lower case first, and not by an empty variable", () => {
    const both = { https_proxy: "http://lower:1", HTTPS_PROXY: "http://upper:1" };
    expect(proxyFor(new URL("https://a.example"), both)).toBe("http://lower:1");
    expect(proxyFor(new URL("https://a.example"), { ...both, https_proxy: "" })).toBe("http://upper:1");
    expect(proxyFor(new URL("https://a.example"), {})).toBeUndefined();
  });

  it.each([
    ["https://localhost:5000", ""],
    ["https://127.0.0.1:5000", ""],
    ["https://[::1]:5000", ""],
    ["https://registry.example.com", "*"],
    ["https://registry.example.com", "registry.example.com"],
    ["https://registry.example.com", "other.org, EXAMPLE.com"],
    ["https://registry.example.com", ".example.com"],
    ["https://registry.example.com", "*.example.com"],
    ["https://registry.example.com:8443", "registry.example.com:8443"],
    ["https://registry.example.com", "registry.example.com:443"],
    ["https://10.1.2.3", "10.1.2.3"],
    ["https://10.1.2.3", "10.0.0.0/8"],
    ["https://[fd00::1]", "fd00::/8"],
    ["https://[fd00::1]", "fd00::1"],
  ])("is none for %s with NO_PROXY=%s", (url, noProxy) => {
    expect(through(url, noProxy)).toBeUndefined();
  });

  it.each([
    ["https://registry.example.com", "example.co, ample.com"],
    ["https://registry.example.com", "registry.example.com:8443"],
    ["https://11.1.2.3", "10.0.0.0/8"],
    ["https://10.1.2.3", "10.0.0.0/99"],
    ["https://10.1.2.3", "fd00::/8"],
    ["https://registry.example.com", "10.0.0.0/8"],
    ["https://localhost.example.com", ""],
  ])("is there for %s with NO_PROXY=%s", (url, noProxy) => {
    expect(through(url, noProxy)).toBe("http://proxy:3128");
  });
});
