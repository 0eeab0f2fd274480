import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { onTestFinished } from "vitest";

/** Somebody who has an account at the provider. */
export interface Account {
  readonly subject: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A real provider of OpenID Connect on this machine, where one account is logged in without being asked. */
export interface IdentityProvider {
  readonly issuer: string;
  account: Account;
  close(): Promise<void>;
}

/** @param redirectUri Where the one client, `waybill` with the secret `s3cret`, may have browsers sent back to. */
export async function startIdentityProvider(
  redirectUri: string,
  account: Account,
): Promise<IdentityProvider> {
  let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  const server = createServer((request, response) => answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const started: IdentityProvider = {
    issuer,
    account,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  onTestFinished(() => (server.listening ? started.close() : undefined));
  const provider = new Provider(issuer, {
    clients: [{ client_id: "waybill", client_secret: "s3cret", redirect_uris: [redirectUri] }],
    clientDefaults: { token_endpoint_auth_method: "client_secret_post" },
    cookies: { keys: ["key of a test"] },
    features: { devInteractions: { enabled: false } },
    claims: { openid: ["sub"], profile: ["preferred_username", "name", "groups"] },
    conformIdTokenClaims: false,
    findAccount: (_, accountId) => ({
      accountId,
      claims: () => ({ ...started.account.claims, sub: accountId }),
    }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client?.clientId,
        accountId: ctx.oidc.session?.accountId,
      });
      grant.addOIDCScope("openid profile");
      await grant.save();
      return grant;
    },
  });
  const callback = provider.callback();
  answer = (request, response) => {
    if (request.url?.startsWith("/interaction/") !== true) return void callback(request, response);
    void provider.interactionFinished(request, response, { login: { accountId: started.account.subject } });
  };
  return started;
}

/** Cookies as a browser keeps them, for one host after the other. */
export class Browser {
  readonly #jar = new Map<string, Map<string, string>>();

  /** Asks, with the cookies of the host; redirects are not followed. */
  async ask(address: string | URL, init: RequestInit = {}): Promise<Response> {
    const { host } = new URL(address);
    const cookies = this.#jar.get(host) ?? new Map<string, string>();
    this.#jar.set(host, cookies);
    const headers = new Headers(init.headers);
    if (cookies.size > 0) headers.set("cookie", [...cookies].map((pair) => pair.join("=")).join("; "));
    const answer = await fetch(address, { ...init, headers, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "" || /max-age=0\b/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  }

  /** Follows redirects until one leads to an address that begins so, which is not asked. */
  async follow(address: string, until: string): Promise<string> {
    let at = address;
    for (let hop = 0; hop < 10; hop += 1) {
      if (at.startsWith(until)) return at;
      const answer = await this.ask(at);
      const location = answer.headers.get("location");
      if (location === null) throw new Error(`${at}: ${answer.status} ${await answer.text()}`);
      at = new URL(location, at).href;
    }
    throw new Error(`no redirect leads to ${until}`);
  }

  /** The cookie of a host, by its name. */
  cookie(host: string, name: string): string | undefined {
    return this.#jar.get(host)?.get(name);
  }

  set(host: string, name: string, value: string): void {
    const cookies = this.#jar.get(host) ?? new Map<string, string>();
    this.#jar.set(host, cookies.set(name, value));
  }
}
