import { describe, expect, it } from "vitest";
import { judgeRealm } from "../../src/registry/host/realm.ts";

const judge = (registry: string, realm: string, tokenOrigins: string[] = []) => {
  const judged = judgeRealm(realm, new URL(registry), tokenOrigins);
  return "url" in judged ? judged.url.href : undefined;
};

describe("security point 2: a token service is trusted", () => {
  it.each([
    ["https://registry-1.docker.io", "https://auth.docker.io/token"],
    ["https://ghcr.io", "https://ghcr.io/token"],
    ["https://quay.io", "https://quay.io/v2/auth"],
    ["https://gcr.io", "https://gcr.io/v2/token"],
    ["https://us-docker.pkg.dev", "https://us-docker.pkg.dev/v2/token"],
    ["https://mine.azurecr.io", "https://mine.azurecr.io/oauth2/token"],
    ["https://public.ecr.aws", "https://public.ecr.aws/token/"],
    ["https://harbor.example.com", "https://harbor.example.com/service/token"],
    ["https://registry.gitlab.com", "https://gitlab.com/jwt/auth"],
    ["https://registry.digitalocean.com", "https://api.digitalocean.com/v2/registry/auth"],
    ["https://docker.elastic.co", "https://docker-auth.elastic.co/auth"],
    ["https://rg.fr-par.scw.cloud", "https://api.scaleway.com/registry-internal/v1/regions/fr-par/tokens"],
    ["https://registry.cn-hangzhou.aliyuncs.com", "https://dockerauth.cn-hangzhou.aliyuncs.com/auth"],
    [
      "https://mine-registry.cn-hangzhou.cr.aliyuncs.com",
      "https://dockerauth-ee.cn-hangzhou.aliyuncs.com/auth",
    ],
    ["http://registry.internal:5000", "http://registry.internal:5000/token"],
    ["http://127.0.0.1:5000", "http://127.0.0.1:5000/token"],
    ["https://registry.example.com", "https://registry.example.com:443/token"],
  ])("by %s when it is %s", (registry, realm) => {
    expect(judge(registry, realm)).toBe(new URL(realm).href);
  });

  it("when it is named without a host", () => {
    expect(judge("https://registry.example.com", "/auth/token")).toBe(
      "https://registry.example.com/auth/token",
    );
  });

  it.each([
    ["another host", "https://registry.example.com", "https://evil.org/token"],
    ["a name below it", "https://registry.example.com", "https://auth.registry.example.com/token"],
    ["the name above it", "https://registry.example.com", "https://example.com/token"],
    ["a sister", "https://registry.example.com", "https://auth.example.com/token"],
    ["another port", "https://registry.example.com:5000", "https://registry.example.com:5001/token"],
    ["another port of this machine", "http://127.0.0.1:5000", "http://127.0.0.1:5001/token"],
    ["another name of this machine", "http://127.0.0.1:5000", "http://localhost:5000/token"],
    ["another address of this machine", "http://127.0.0.1:5000", "http://[::1]:5000/token"],
    ["HTTPS beside HTTP", "http://localhost:5000", "https://localhost:5000/token"],
    [
      "a host that only begins alike",
      "https://registry.example.com",
      "https://registry.example.com.evil.org/t",
    ],
    ["a host that only ends alike", "https://registry.example.com", "https://notregistry.example.com/token"],
    ["a host behind a name", "https://registry.example.com", "https://registry.example.com@evil.org/token"],
    ["a host without scheme", "https://registry.example.com", "//evil.org/token"],
    ["a backslash", "https://registry.example.com", "\\\\evil.org\\token"],
    ["plain HTTP", "https://registry.example.com", "http://registry.example.com/token"],
    ["plain HTTP elsewhere", "http://registry.example.com", "http://auth.example.com/token"],
    ["this machine", "https://registry.example.com", "http://127.0.0.1/token"],
    ["a neighbor's registry", "https://mine.azurecr.io", "https://yours.azurecr.io/oauth2/token"],
    ["a neighboring address", "https://10.0.0.1", "https://10.0.0.2/token"],
    ["another service of Docker", "https://registry-1.docker.io", "https://auth.docker.io.evil.org/token"],
    ["Docker's service by plain HTTP", "https://registry-1.docker.io", "http://auth.docker.io/token"],
    ["Docker's service on another port", "https://registry-1.docker.io", "https://auth.docker.io:8443/token"],
    ["Docker's service for somebody else", "https://registry.example.com", "https://auth.docker.io/token"],
    ["GitLab's for another port", "https://registry.gitlab.com:5050", "https://gitlab.com/jwt/auth"],
    ["GitLab's for a name below", "https://evil.registry.gitlab.com", "https://gitlab.com/jwt/auth"],
    [
      "Alibaba's of another region",
      "https://registry.cn-beijing.aliyuncs.com",
      "https://dockerauth.cn-hangzhou.aliyuncs.com/auth",
    ],
    ["a password in the address", "https://registry.example.com", "https://u:p@registry.example.com/token"],
    ["a file", "https://registry.example.com", "file:///etc/passwd"],
    ["no address", "https://registry.example.com", "https://"],
  ])("not when it is %s", (_, registry, realm) => {
    expect(judge(registry, realm)).toBeUndefined();
  });

  it("when the settings name its origin, and only that origin", () => {
    const origins = ["https://sso.other.org", "no address"];
    expect(judge("https://registry.example.com", "https://sso.other.org/token", origins)).toBeDefined();
    expect(judge("https://registry.example.com", "https://sso.other.org:444/token", origins)).toBeUndefined();
    expect(judge("https://registry.example.com", "http://sso.other.org/token", origins)).toBeUndefined();
    expect(judge("https://registry.example.com", "https://a.sso.other.org/token", origins)).toBeUndefined();
  });
});
