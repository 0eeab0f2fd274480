import type { IncomingMessage, ServerResponse } from "node:http";
import { messageOf } from "../errors/index.ts";
import type { Digest, RepositoryPath, Tag } from "../oci/index.ts";
import { folderPrefix } from "../settings/index.ts";
import { type Authenticate, basicAuthentication, challenge } from "./authentication.ts";
import { type Conduct, conductOf, type RegistryBehavior } from "./behavior.ts";
import { clientAt } from "./connections.ts";
import { dispatch, type ListingStyle } from "./dispatch.ts";
import { answerRefusal, exchangeOf } from "./exchange.ts";
import { type Front, openFront } from "./front.ts";
import { openLayouts } from "./layouts.ts";
import { serverLimits } from "./limits.ts";
import { asRefusal, Refusal } from "./refusal.ts";
import { readRequestTarget } from "./route.ts";
import { type Holdings, openStorage, type Storage } from "./storage.ts";
import { webPageGuard } from "./web-pages.ts";

/** Where the data is, where to listen, and who may come in. */
export interface RegistryServerOptions {
  /**
   * The folder that holds everything; made when it is missing. Several processes of a machine may serve it at once. With `oci:`
   * before it a folder of image layouts, which is shown as it is: nobody can push to it.
   */
  readonly dir: string;
  /** Where to listen; without it on 127.0.0.1, at a free port. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /**
   * Host names that clients may call the registry by, beside `localhost`, the addresses that it is reached at, the host
   * that it listens on, the name of the machine, and those in its certificate. Requests to another name are refused.
   */
  readonly names?: readonly string[];
  /** An htpasswd file with bcrypt entries; without it everybody may do everything. */
  readonly htpasswd?: string | undefined;
  /** PEM files of the certificate chain and its key; without them plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Bytes that the folder may hold; a push beyond them is refused. Without it there is no limit but the disk's. */
  readonly maxSize?: number | undefined;
  /** How tags are listed; `plain` when it is not said. */
  readonly listing?: ListingStyle;
  /** In what it is to be unlike itself; for trying how clients get on with other registries. */
  readonly behavior?: RegistryBehavior;
  /** Called once for each request, when its response is finished or broken off. Must not throw. */
  readonly onRequest?: (event: RegistryRequestEvent) => void;
  /**
   * Called once for each manifest that a client has put, when it is stored with its tags and before the client is told;
   * not for one that is refused, nor for what other processes take in. Must not throw.
   */
  readonly onPush?: (event: RegistryPushEvent) => void;
}

/** A manifest that came in. */
export interface RegistryPushEvent {
  readonly repository: RepositoryPath;
  readonly digest: Digest;
  readonly mediaType: string;
  /** The tags that it was put under: none, one, or all of the `tag` parameters. */
  readonly tags: readonly Tag[];
  /** Bytes of the manifest itself. */
  readonly size: number;
}

/** One request, as a log shows it. Holds no header, and so no secret. */
export interface RegistryRequestEvent {
  readonly method: string;
  /** As the client wrote it, without the parameters. */
  readonly path: string;
  /** The parameters, without their `?`. */
  readonly query: string;
  readonly status: number;
  readonly milliseconds: number;
  /** Whether the whole response was sent. */
  readonly finished: boolean;
  /** What went wrong inside the server, for its operator; the client is not told. */
  readonly failure?: string | undefined;
}

/** A registry that is being served. */
export interface RegistryServer {
  /** `host:port`. */
  readonly address: string;
  /** `http://host:port`, or `https://…`. */
  readonly url: string;
  /**
   * Takes nothing more, gives requests under way so many milliseconds to end, five seconds unless it is said, then cuts them
   * off. Called again, it gives them so many from then on.
   */
  close(within?: number): Promise<void>;
}

/**
 * Starts a registry of the OCI distribution specification 1.1, with its data in a folder. What a client was told is
 * done is on disk; whatever ends the process, nothing half done is ever seen (see `layout.ts`).
 * @throws {RegistryServerError} when the folder, a file or the address cannot be used.
 */
export async function startRegistryServer(options: RegistryServerOptions): Promise<RegistryServer> {
  const { holdings, storage } = await openHoldings(options);
  const authenticate =
    options.htpasswd === undefined ? undefined : await basicAuthentication(options.htpasswd);
  const conduct = conductOf(options.behavior ?? {}, () => performance.now());
  const front: Front = await openFront(options.tls, (request, response, expectsContinue) => {
    void answer(request, response, expectsContinue);
  });
  const { host = "127.0.0.1", port = 0 } = options.listen ?? {};
  const admit = doorOf(front, authenticate, [host, ...(options.names ?? [])]);
  const answer = requestListener(holdings, admit, conduct, options);
  const address = await front.listen({ host, port });
  const sweeping = setInterval(
    () => void storage?.uploads.sweep(Date.now()).catch(() => undefined),
    serverLimits.uploadAgeMilliseconds / 24,
  ).unref();
  let closing: Promise<void> | undefined;
  return {
    address,
    url: `${options.tls === undefined ? "http" : "https"}://${address}`,
    async close(within = serverLimits.closingMilliseconds) {
      clearInterval(sweeping);
      const served = front.close(within);
      closing ??= served.then(() => storage?.close());
      await closing;
    },
  };
}

async function openHoldings({
  dir,
  maxSize,
  onPush,
}: RegistryServerOptions): Promise<{ readonly holdings: Holdings; readonly storage: Storage | undefined }> {
  if (dir.startsWith(folderPrefix)) {
    return { holdings: await openLayouts(dir.slice(folderPrefix.length)), storage: undefined };
  }
  const storage = telling(await openStorage(dir, maxSize), onPush);
  return { holdings: storage, storage };
}

/** Lets a request in, and says whose it is, as far as limits are concerned. @throws {Refusal} */
type Door = (request: IncomingMessage, response: ServerResponse) => Promise<string>;

function doorOf(front: Front, authenticate: Authenticate | undefined, names: readonly string[]): Door {
  const refuseWebPages = webPageGuard(names, front.certificate);
  return async (request, response) => {
    refuseWebPages(request);
    const client = clientAt(request.socket.remoteAddress);
    if (authenticate === undefined) return client;
    const header = request.headers.authorization;
    const leaving = new AbortController();
    response.once("close", () => leaving.abort());
    const answer = await authenticate({ header, client, gone: leaving.signal });
    if (answer === "wrong") {
      throw new Refusal("UNAUTHORIZED", "log in with a user name and password of this registry", {
        headers: { "WWW-Authenticate": challenge },
      });
    }
    if (answer === "busy") {
      throw new Refusal("TOOMANYREQUESTS", "too many passwords are being tried; wait a little", {
        headers: { "Retry-After": "1" },
      });
    }
    front.connections.trust(request);
    return `user ${answer.user}`;
  };
}

/** A storage that says what manifests it takes in. */
function telling(storage: Storage, onPush: RegistryServerOptions["onPush"]): Storage {
  if (onPush === undefined) return storage;
  const { manifests } = storage;
  return {
    ...storage,
    manifests: {
      ...manifests,
      async put(repository, manifest, tags, confirm) {
        await manifests.put(repository, manifest, tags, confirm);
        const { digest, mediaType, bytes } = manifest;
        onPush({ repository, digest, mediaType, tags, size: bytes.length });
      },
    },
  };
}

function requestListener(holdings: Holdings, admit: Door, conduct: Conduct, options: RegistryServerOptions) {
  return async (
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): Promise<void> => {
    const started = performance.now();
    const method = request.method ?? "GET";
    const target = request.url ?? "/";
    let failure: string | undefined;
    const path = target.split("?", 1)[0] ?? "";
    response.once("close", () =>
      options.onRequest?.({
        method,
        path,
        query: target.slice(path.length + 1),
        status: response.statusCode,
        milliseconds: performance.now() - started,
        finished: response.writableFinished,
        failure,
      }),
    );
    response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
    response.setHeader("X-Content-Type-Options", "nosniff");
    try {
      await conduct.greet(response);
      const client = await admit(request, response);
      const { route, query } = readRequestTarget(method, target);
      const exchange = exchangeOf(request, response, expectsContinue, { client, query });
      const shaped = await conduct.shape(exchange, route, holdings);
      await dispatch(shaped, route, holdings, options.listing ?? "plain");
    } catch (thrown) {
      const refusal = asRefusal(thrown);
      if (refusal.status >= 500 && !response.destroyed) failure = messageOf(refusal.cause ?? refusal);
      answerRefusal(request, response, refusal);
    }
  };
}
