import type { Listener } from "../../events/index.ts";
import {
  type Company,
  type Endpoint,
  isTransientStatus,
  type Origin,
  type OriginRequest,
  type SendOnce as OriginSendOnce,
  openOrigin,
  type Timing,
  type Trace,
  TransientFailure,
} from "../../http/index.ts";
import type { HostSettings } from "../../settings/index.ts";
import type { CredentialStore } from "../credentials/credential.ts";
import { RegistryError } from "../errors.ts";
import type { RegistryEvent, RequestKind } from "../events.ts";
import { type Access, createAuthorizer } from "./authorizer.ts";
import { explain } from "./explain.ts";
import { faultOf, judgeOf, troubleOf } from "./judge.ts";
import { kinds } from "./kinds.ts";
import { quirksOf } from "./quirks.ts";
import { type PaceOf, rateLimitersFor } from "./quotas.ts";

/** One request to a registry host; `where` is the repository or reference that it is about. */
export interface HostRequest extends OriginRequest<RequestKind> {
  readonly access: Access;
}

type HostOrigin = Origin<RequestKind, HostRequest>;

/** Sends one request, once. A failure that may pass is a `TransientFailure`. */
export type HostSendOnce = OriginSendOnce<HostRequest>;

/** One registry host: the policy of its origin, and what is a registry's own: credentials, tokens and quirks. */
export type HostClient = ReturnType<typeof createHostClient>;

export interface HostClientOptions {
  readonly endpoint: Endpoint;
  /** Settings by host: the registry's own, and those of hosts it may send us to. */
  readonly settingsOf: (host: string) => HostSettings | undefined;
  readonly credentials: CredentialStore;
  readonly environment: NodeJS.ProcessEnv;
  readonly trace?: Trace | undefined;
  readonly listener: Listener<RegistryEvent>;
  readonly timing: Timing;
  readonly company: Company;
  readonly paceOf?: PaceOf | undefined;
  readonly beforeWrite?: (() => Promise<void>) | undefined;
}

/** Requests at the same time, where the settings do not say how many. */
const defaultLimit = 64;
const defaultRetries = 5;
/** Milliseconds between writing and looking, at most. */
const maxSettling = 30_000;
const maxRedirects = 5;

export function createHostClient(options: HostClientOptions) {
  const { endpoint, listener, timing, settingsOf, environment, trace, company } = options;
  const { host } = endpoint;
  const settings = settingsOf(host) ?? {};
  /** Milliseconds that the slowest answer about a manifest has taken so far. */
  let slowestAnswer = 0;

  const origin: HostOrigin = openOrigin<RequestKind, HostRequest>({
    ...{ endpoint, environment, trace, timing, kinds, company, explain, troubleOf, maxRedirects },
    redirected: "redirect",
    limit: settings.concurrency ?? defaultLimit,
    retries: settings.retries ?? defaultRetries,
    beforeWrite: options.beforeWrite,
    rateLimiters: rateLimitersFor(host, settings, options.paceOf),
    tlsOf: (other) => settingsOf(other)?.tls,
    allowPrivateAddresses: settings.allowPrivateAddresses === true,
    authorize: ({ access }, send) => authorizer.authorize(access, send),
    judge: (answer, kind) => judgeOf(answer, kind, origin.isOwn(answer)),
    listener: (event) => {
      if (event.type === "request" && kinds[event.kind].operation.startsWith("manifest-")) {
        slowestAnswer = Math.max(slowestAnswer, event.milliseconds);
      }
      listener(event);
    },
  });

  const authorizer = createAuthorizer(
    endpoint,
    settings.tokenOrigins ?? [],
    options.credentials,
    origin,
    (source) => listener({ type: "credential", host, source }),
  );

  /** What comes of a request that the work does not depend on; `undefined`, and the listener told, when it fails. */
  const overlook = async <Result>(
    kind: RequestKind,
    result: Promise<Result>,
  ): Promise<Result | undefined> => {
    const tell = (fault: string): void => listener({ type: "overlooked", host, kind, fault });
    try {
      const found = await result;
      const status = statusIn(found);
      if (status !== undefined && isTransientStatus(status)) tell(faultOf(status));
      return found;
    } catch (thrown) {
      const error = thrown instanceof TransientFailure ? thrown.error : thrown;
      if (!(error instanceof RegistryError)) throw thrown;
      tell(error.code);
      return undefined;
    }
  };

  return {
    endpoint,
    settings,
    timing,
    quirks: quirksOf(host, settings),
    /** Milliseconds after a write by which whoever had read before has written, too: see {@link RepositoryWriter.settling}. */
    get settling() {
      // Reading and writing are two answers, and somebody else's way may be longer.
      return Math.min(Math.max(timing.settle, 4 * slowestAnswer), maxSettling);
    },
    send: origin.send,
    open: origin.open,
    upload: (run: Parameters<HostOrigin["upload"]>[1]) => origin.upload("upload-data", run),
    retriesOf: origin.retriesOf,
    overlook,
    grants: authorizer.grants,
    credentialSource: authorizer.sourceOf,
    close: origin.close,
  };
}

function statusIn(result: unknown): number | undefined {
  const isObject = typeof result === "object" && result !== null;
  return isObject && "status" in result && typeof result.status === "number" ? result.status : undefined;
}
