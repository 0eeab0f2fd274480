import { describe, expect, it } from "vitest";
import { judgeRealm } from "../../src/registry/host/realm.ts";

const judge = (registry: string, realm: string, tokenOrigins: string[] = []) => {
  const judged = judgeRealm(realm, { registry: new URL(registry), tokenOrigins });
  return "url" in judged ? judged.url.href : undefined;
};

describe("security point 2: a token service is trusted", () => {
  it.each([
    ["https://registry-1.docker.io", "https://auth.docker.io/token"],
    ["https://ghcr.io", "https://ghcr.io/token"],
    ["https://quay.io", "https://quay.io/v2/auth"],
    ["https://us-docker.pkg.dev", "https://us-docker.pkg.dev/v2/token"],
    ["https://mine.azurecr.io", "https://mine.azurecr.io/oauth2/token"],
    ["https://registry.gitlab.com", "https://gitlab.com/jwt/auth"],
    ["https://registry.digitalocean.com", "https://api.digitalocean.com/v2/registry/auth"],
    ["https://registry.cn-hangzhou.aliyuncs.com", "https://dockerauth.cn-hangzhou.aliyuncs.com/auth"],
    ["https://registry.example.com:5000", "https://registry.example.com:5001/token"],
    ["https://example.com", "https://auth.example.com/token"],
    ["http://registry.internal:5000", "http://registry.internal:5001/token"],
    ["http://127.0.0.1:5000", "http://localhost:5001/token"],
    ["http://localhost:5000", "https://localhost/token"],
  ])("by %s when it is %s", (registry, realm) => {
    expect(judge(registry, realm)).toBe(realm);
  });

  it("when it is named without a host", () => {
    expect(judge("https://registry.example.com", "/auth/token")).toBe(
      "https://registry.example.com/auth/token",
    );
  });

  it.each([
    ["another host", "https://registry.example.com", "https://evil.org/token"],
    [
      "a host that only begins alike",
      "https://registry.example.com",
      "https://registry.example.com.evil.org/token",
    ],
    ["a host that only ends alike", "https://registry.example.com", "https://notexample.com/token"],
    ["plain HTTP", "https://registry.example.com", "http://registry.example.com/token"],
    ["plain HTTP elsewhere", "http://registry.example.com", "http://auth.example.com/token"],
    ["this machine", "https://registry.example.com", "http://127.0.0.1/token"],
    ["this machine by HTTPS", "https://registry.example.com", "https://localhost/token"],
    ["a neighbour's registry", "https://mine.azurecr.io", "https://yours.azurecr.io/oauth2/token"],
    [
      "a neighbour in a region",
      "https://1234.dkr.ecr.us-east-1.amazonaws.com",
      "https://evil.us-east-1.amazonaws.com/t",
    ],
    ["a neighbour below a country", "https://registry.co.uk", "https://evil.co.uk/token"],
    ["a neighbour's page", "https://me.github.io", "https://you.github.io/token"],
    ["a neighbouring address", "https://10.0.0.1", "https://10.0.0.2/token"],
    ["another service of Docker", "https://registry-1.docker.io", "https://auth.docker.io.evil.org/token"],
    ["a password in the address", "https://registry.example.com", "https://u:p@registry.example.com/token"],
    ["a file", "https://registry.example.com", "file:///etc/passwd"],
    ["no address", "https://registry.example.com", "https://"],
    ["a top-level domain alike", "https://registry.com", "https://evil.com/token"],
  ])("not when it is %s", (_, registry, realm) => {
    expect(judge(registry, realm)).toBeUndefined();
  });

  it("when the settings name its origin, and only that origin", () => {
    const origins = ["https://sso.other.org", "no address"];
    expect(judge("https://registry.example.com", "https://sso.other.org/token", origins)).toBeDefined();
    expect(judge("https://registry.example.com", "https://sso.other.org:444/token", origins)).toBeUndefined();
    expect(judge("https://registry.example.com", "http://sso.other.org/token", origins)).toBeUndefined();
  });
});
