import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import type { HostSettings } from "../../settings/index.ts";
import { readBody } from "../body.ts";
import type { CredentialStore } from "../credential.ts";
import { RegistryError } from "../errors.ts";
import type { RegistryListener, RequestKind } from "../events.ts";
import { isLoopbackHost, kindOfAddress, literalAddress } from "./address.ts";
import { createAuthorizer, type Scope } from "./authorizer.ts";
import { type AddressRule, createDispatcher, isAllowed, unsafeAddress } from "./dispatcher.ts";
import type { Endpoint } from "./endpoint.ts";
import { connectionFailure } from "./failure.ts";
import { createGate, type Gate } from "./gate.ts";
import { backOff, isTransient, longestWaitMilliseconds, retryAfter } from "./retry.ts";

export interface HostRequest {
  readonly kind: RequestKind;
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  /** On the host's own origin. */
  readonly url: URL;
  readonly scopes: readonly Scope[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: () => Promise<Buffer | Readable> | Buffer | Readable;
  /** Whether a failed attempt may be followed by another one; a stream that was begun cannot. */
  readonly once?: boolean;
  /** Follow redirects, to other hosts without credentials. */
  readonly follow?: boolean;
}

export interface HostResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** To be read or destroyed: it holds the request's place until then. */
  readonly body: Readable;
  readonly url: URL;
}

/** One registry host: connections, concurrency, rate, retries, credentials and tokens. No request leaves without it. */
export interface HostClient {
  readonly endpoint: Endpoint;
  readonly settings: HostSettings;
  send(request: HostRequest): Promise<HostResponse>;
  /** Where the credential for a path came from. */
  credentialSource(path: string): Promise<string | undefined>;
  close(): Promise<void>;
}

const answerTimeout = 120_000;
const uploadTimeout = 15 * 60_000;
const redirectLimit = 5;
const tokenBytes = 128 * 1024;

export function createHostClient(
  endpoint: Endpoint,
  settings: HostSettings,
  store: CredentialStore,
  environment: Readonly<Record<string, string | undefined>>,
  listener: RegistryListener,
): HostClient {
  const { host } = endpoint;
  const concurrency = settings.concurrency ?? 16;
  const dispatcher = createDispatcher(
    host,
    settings,
    environment,
    endpoint.loopbackOnly ? "loopback" : "any",
  );
  // Downloads and chunks have places of their own: an upload that waits for its source must not keep the source
  // waiting, nor a chunk whose source is open already.
  const downloads = createGate(concurrency, settings.requestsPerSecond);
  const chunks = createGate(concurrency, settings.requestsPerSecond);
  const others = createGate(concurrency, settings.requestsPerSecond);
  const retries = settings.retries ?? 5;
  let elsewhere: Dispatcher | undefined;

  const elsewhereRule = (): AddressRule => {
    const literal = literalAddress(endpoint.origin.hostname);
    const isPrivate = literal !== undefined && kindOfAddress(literal) !== "public";
    return settings.allowPrivateAddresses || isPrivate || isLoopbackHost(endpoint.origin.hostname)
      ? "any"
      : "public";
  };

  /** Connections to hosts that this registry sends us to. */
  const dispatcherFor = (url: URL): Dispatcher => {
    if (url.origin === endpoint.origin.origin) return dispatcher;
    const rule = elsewhereRule();
    const literal = literalAddress(url.hostname);
    if (literal !== undefined && !isAllowed(literal, rule)) throw unsafeAddress(host, url.hostname, literal);
    const { tls, ...rest } = settings;
    elsewhere ??= createDispatcher(
      host,
      tls?.ca === undefined ? rest : { ...rest, tls: { ca: tls.ca } },
      environment,
      rule,
    );
    return elsewhere;
  };

  const dispatch = async (
    url: URL,
    request: Pick<HostRequest, "method" | "kind">,
    headers: Record<string, string>,
    body: Buffer | Readable | undefined,
  ): Promise<HostResponse> => {
    const begun = Date.now();
    try {
      const response = await dispatcherFor(url).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: request.method,
        headers: { "user-agent": "waybill", ...headers },
        body: body ?? null,
        // A registry that keeps its data in an object store may take minutes to put a large upload together.
        headersTimeout: request.kind === "upload-data" ? uploadTimeout : answerTimeout,
      });
      listener({
        type: "request",
        host: url.host,
        method: request.method,
        kind: request.kind,
        status: response.statusCode,
        milliseconds: Date.now() - begun,
      });
      return { status: response.statusCode, headers: response.headers, body: response.body, url };
    } catch (error) {
      throw connectionFailure(error, url, host);
    }
  };

  const askTokenService = async (
    url: URL,
    { authorization, form }: { authorization?: string; form?: string },
  ) => {
    const headers: Record<string, string> = { accept: "application/json" };
    if (authorization !== undefined) headers.authorization = authorization;
    if (form !== undefined) headers["content-type"] = "application/x-www-form-urlencoded";
    const body = form === undefined ? undefined : Buffer.from(form);
    const method = form === undefined ? "GET" : "POST";
    const response = await attempts({ kind: "token", once: false }, () =>
      dispatch(url, { method, kind: "token" }, headers, body),
    );
    if (response.status !== 200) {
      abandon(response);
      const refused = response.status === 401 || response.status === 403;
      throw new RegistryError(
        refused ? "unauthorized" : "unexpected-response",
        `the token service ${url.origin} answered ${response.status}`,
        { where: host, hint: refused ? "check the credentials for this registry" : undefined },
      );
    }
    return (await readBody(response.body, tokenBytes, host)).toString("utf8");
  };

  const authorizer = createAuthorizer(endpoint, settings.tokenOrigins ?? [], store, askTokenService);

  /** Repeats an attempt while it may help. */
  const attempts = async (
    request: { readonly kind: RequestKind; readonly once?: boolean },
    attempt: () => Promise<HostResponse>,
  ): Promise<HostResponse> => {
    for (let tries = 0; ; tries += 1) {
      let reason: string;
      let asked: number | undefined;
      try {
        const response = await attempt();
        if (!isTransient(response.status) || tries >= retries || request.once) return response;
        const header = response.headers["retry-after"];
        asked = retryAfter(Array.isArray(header) ? header[0] : header);
        if (asked !== undefined && asked > longestWaitMilliseconds) return response;
        if (response.status === 429 && asked !== undefined) pause(asked);
        reason = `status ${response.status}`;
        abandon(response);
      } catch (error) {
        const again =
          error instanceof RegistryError && (error.code === "unreachable" || error.code === "timeout");
        if (!again || tries >= retries || request.once) throw error;
        reason = error.message;
      }
      const wait = asked ?? backOff(tries);
      listener({
        type: "retry",
        host,
        kind: request.kind,
        attempt: tries + 1,
        waitMilliseconds: wait,
        reason,
      });
      await sleep(wait);
    }
  };

  const pause = (milliseconds: number): void => {
    for (const gate of [downloads, chunks, others]) gate.pauseUntil(Date.now() + milliseconds);
  };

  const gateOf = ({ kind, method }: HostRequest): Gate => {
    if (kind === "blob-get") return downloads;
    return method === "PATCH" ? chunks : others;
  };

  const attemptOnce = async (request: HostRequest): Promise<HostResponse> => {
    const leave = await gateOf(request).enter();
    try {
      const response = await authorized(request);
      response.body.once("close", leave);
      if (response.body.closed) leave();
      return response;
    } catch (error) {
      leave();
      throw error;
    }
  };

  const authorized = async (request: HostRequest): Promise<HostResponse> => {
    const used = await authorizer.header(request.scopes);
    const response = await followed(request, used);
    if (response.status !== 401) return response;
    const again = await authorizer.challenged(response.headers["www-authenticate"], request.scopes, used);
    if (!again || request.once) return response;
    abandon(response);
    return followed(request, await authorizer.header(request.scopes));
  };

  const followed = async (request: HostRequest, authorization: string | undefined): Promise<HostResponse> => {
    let url = request.url;
    for (let hops = 0; ; hops += 1) {
      const own = url.origin === endpoint.origin.origin;
      const headers = {
        ...request.headers,
        ...(own && authorization !== undefined ? { authorization } : {}),
      };
      const response = await dispatch(
        url,
        hops === 0 ? request : { ...request, kind: "redirect" },
        headers,
        await request.body?.(),
      );
      const location = response.headers.location;
      if (!request.follow || response.status < 300 || response.status > 399 || typeof location !== "string")
        return response;
      abandon(response);
      if (hops === redirectLimit) throw unsafeRedirect(host, `more than ${redirectLimit} redirects`);
      if (!URL.canParse(location, url.href))
        throw unsafeRedirect(host, "a redirect to something that is no URL");
      const next = new URL(location, url);
      if (next.protocol !== "https:" && next.protocol !== "http:")
        throw unsafeRedirect(host, `a redirect to ${next.protocol}`);
      if (url.protocol === "https:" && next.protocol === "http:")
        throw unsafeRedirect(host, "a redirect from HTTPS to HTTP");
      next.username = "";
      next.password = "";
      url = next;
    }
  };

  return {
    endpoint,
    settings,
    send: (request) => attempts(request, () => attemptOnce(request)),
    credentialSource: (path) => authorizer.sourceOf(path),
    async close() {
      await Promise.all([dispatcher.destroy(), elsewhere?.destroy()]);
    },
  };
}

/** Gives an answer up unread; its connection goes with it. */
export function abandon({ body }: HostResponse): void {
  body.on("error", () => {});
  body.destroy();
}

function unsafeRedirect(host: string, what: string): RegistryError {
  return new RegistryError("unsafe-redirect", `the registry answered with ${what}`, { where: host });
}
