import {
  type Answer,
  type AnswerHead,
  CredentialTrials,
  drain,
  type Endpoint,
  type Origin,
  type StreamedAnswer,
} from "../../http/index.ts";
import type { Credential, CredentialStore } from "../credentials/credential.ts";
import { RegistryError } from "../errors.ts";
import type { RequestKind } from "../events.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { judgeRealm } from "./realm.ts";
import { basicHeader, fetchToken, type Token, type TokenService, tokenAllows } from "./token-service.ts";

export interface Access {
  /** The repository whose credential counts; `""` for the registry as a whole. */
  readonly path: string;
  /** Scopes of the token authentication specification: {@link pullScope}, {@link pushScope} and the like. */
  readonly scopes: readonly string[];
}

export const pullScope = (path: string): string => `repository:${path}:pull`;
export const pushScope = (path: string): string => `repository:${path}:pull,push`;
export const deleteScope = (path: string): string => `repository:${path}:delete,pull`;
export const catalogScope = "registry:catalog:*";

/** Sends a request, given the value of `Authorization`. */
type Send = (authorization: string | undefined) => Promise<StreamedAnswer>;

type Scheme = { readonly kind: "basic" } | ({ readonly kind: "bearer" } & TokenService);

interface Entry {
  readonly token: Promise<Token>;
  arrived: Token | undefined;
}

/**
 * What one registry host wants to see in `Authorization`, learnt from its challenges. No credential is sent before the
 * first challenge; what that says is remembered, so that the second repository gets its token without another 401. Tokens
 * are kept by their scopes until they expire, one request fetches what several wait for, and no token is ever for more
 * than one request needs.
 * @param tokenOrigins Further origins that the user's settings trust with this registry's credentials.
 * @param tell Told once of each place that a credential comes from.
 */
export function createAuthorizer(
  endpoint: Endpoint,
  tokenOrigins: readonly string[],
  store: CredentialStore,
  { ask, isOwn }: Pick<Origin<RequestKind>, "ask" | "isOwn">,
  tell: (source: string | undefined) => void,
) {
  let scheme: Scheme | undefined;
  const trials = new CredentialTrials<RegistryError>(({ code, message, hint, status, requestId, cause }) => {
    const { host } = endpoint;
    return new RegistryError(code, message, { where: host, hint, host, status, requestId, cause });
  });
  const tokens = new Map<string, Entry>();

  const renewal = new Renewal();
  const told = new Set<string | undefined>();

  const lookup = async (path: string, refused?: Credential): Promise<Credential | undefined> => {
    const found = await store.lookup(endpoint.host, path, refused);
    if (!told.has(found?.source)) tell(found?.source);
    told.add(found?.source);
    return found;
  };

  /** Shows a credential; where it is refused, whoever gave it may have another one by now, which is shown in its place. */
  const showing = async <Result>(
    credential: Credential,
    path: string,
    show: (shown: Credential) => Promise<Result>,
    { isRefusal, drop }: { isRefusal: (result: Result) => boolean; drop: (result: Result) => Promise<void> },
  ): Promise<Result> => {
    const once = (shown: Credential) => outcomeOf(() => show(shown), isRefusal);
    const first = await once(credential);
    if (!first.isRefused || !renewal.isHopeful(credential, path)) return first.end();
    if (first.result !== undefined) await drop(first.result);
    const other = await lookup(path, credential);
    const second = await once(other ?? credential);
    if (second.isRefused) renewal.wasInVain(path);
    return second.end();
  };

  const live = (scopes: readonly string[]): Entry | undefined => {
    const entry = tokens.get(keyOf(scopes));
    const expired = entry?.arrived !== undefined && entry.arrived.expiresAt <= Date.now();
    return expired ? undefined : entry;
  };

  const tokenFor = (service: TokenService, access: Access): Promise<Token> => {
    const known = live(access.scopes) ?? live(access.scopes.map(widened));
    if (known !== undefined) return known.token;
    const token = lookup(access.path).then((credential) =>
      credential?.kind === "registry-token"
        ? { value: credential.token, fetchedAt: Date.now(), expiresAt: Number.POSITIVE_INFINITY }
        : boughtToken(service, access, credential),
    );
    const entry: Entry = { token, arrived: undefined };
    const key = keyOf(access.scopes);
    tokens.set(key, entry);
    token.then(
      (arrived) => {
        entry.arrived = arrived;
      },
      () => forget(key, entry),
    );
    return token;
  };

  /** A token for a credential, which is shown to the token service. */
  const boughtToken = async (
    service: TokenService,
    { path, scopes }: Access,
    credential: Credential | undefined,
  ): Promise<Token> => {
    const { host } = endpoint;
    if (credential === undefined) return fetchToken(ask, host, service, scopes, undefined);
    const fetched = (wanted: readonly string[], shown: Credential): Promise<Token | RegistryError> =>
      fetchToken(ask, host, service, wanted, shown).catch((error: unknown) => {
        if (error instanceof RegistryError && error.code === "unauthorized") return error;
        throw error;
      });
    const isRefusal = (result: Token | RegistryError) => result instanceof RegistryError;
    const show = (shown: Credential): Promise<Token | RegistryError> =>
      trials.show(identityOf(shown), {
        purpose: keyOf(scopes),
        run: () => fetched(scopes, shown),
        refusalIn: (refused) => (refused instanceof RegistryError ? refused : undefined),
        isRefusedAnyway: () => fetched([], shown).then(isRefusal, () => undefined),
      });
    const result = await showing(credential, path, show, { isRefusal, drop: async () => {} });
    if (result instanceof RegistryError) throw result;
    return result;
  };

  const isRefused = (answer: AnswerHead): boolean => answer.status === 401 && isOwn(answer);

  /** Asks for nothing but to be let in (distribution specification, "Determining Support"). */
  const greet = (authorization: string): Promise<Answer> => {
    const direction = { url: new URL("/v2/", endpoint.origin), kind: "token", where: endpoint.host } as const;
    return ask(direction, async () => ({ method: "GET", headers: { authorization } }));
  };

  /** Sends what carries the credential itself. */
  const shown = async (
    credential: Credential,
    authorization: string,
    { path }: Access,
    send: Send,
  ): Promise<StreamedAnswer> => {
    let last: StreamedAnswer | undefined;
    try {
      return await trials.show(identityOf(credential), {
        purpose: path,
        run: async () => {
          last = await send(authorization);
          return last;
        },
        refusalIn: (answer) => (isRefused(answer) ? refusalOf(credential, endpoint.host) : undefined),
        isRefusedAnyway: () =>
          greet(authorization).then(
            ({ status }) => (status === 401 ? true : status < 300 ? false : undefined),
            () => undefined,
          ),
      });
    } catch (error) {
      last?.body.destroy();
      throw error;
    }
  };

  const forget = (key: string, entry: Entry): void => {
    if (tokens.get(key) === entry) tokens.delete(key);
  };

  const learn = (challenges: readonly Challenge[]): Scheme | undefined => {
    const bearer = challenges.find(
      ({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"),
    );
    if (bearer === undefined) {
      return challenges.some((challenge) => challenge.scheme === "basic") ? { kind: "basic" } : undefined;
    }
    const judged = judgeRealm(bearer.parameters.get("realm") ?? "", endpoint.origin, tokenOrigins);
    if ("url" in judged) {
      return { kind: "bearer", realm: judged.url, service: bearer.parameters.get("service") };
    }
    throw new RegistryError("unsafe-realm", `the registry names a token service that ${judged.fault}`, {
      where: endpoint.host,
      hint:
        judged.origin === undefined
          ? "no credential was looked up; ask whoever runs the registry"
          : `no credential was looked up; if it is really the registry's, say so in waybill.yaml: hosts: { ${JSON.stringify(endpoint.host)}: { tokenOrigins: [${judged.origin}] } }`,
    });
  };

  /**
   * Sends a request with what is known to be wanted of it, without asking the registry: nothing at first.
   * @returns The answer, and the value that the request carried.
   */
  const carry = async (
    access: Access,
    send: Send,
  ): Promise<{ answer: StreamedAnswer; used: string | undefined }> => {
    if (scheme?.kind === "bearer") {
      const used = `Bearer ${(await tokenFor(scheme, access)).value}`;
      return { answer: await send(used), used };
    }
    const credential = scheme === undefined ? undefined : await lookup(access.path);
    let used = credential && headerFor(credential);
    if (credential === undefined || used === undefined)
      return { answer: await send(undefined), used: undefined };
    const show = (known: Credential): Promise<StreamedAnswer> => {
      used = headerFor(known) ?? "";
      return shown(known, used, access, send);
    };
    const answer = await showing(credential, access.path, show, { isRefusal: isRefused, drop: drain });
    return { answer, used };
  };

  /**
   * Learns from a 401. Whether to {@link carry} the request again: not when what was refused had been made for this very
   * request.
   * @param used What it carried.
   * @param began When it did, in milliseconds since the epoch.
   * @throws {RegistryError} `unsafe-realm`, before any credential is looked up.
   */
  const challenged = async (
    { headers }: AnswerHead,
    access: Access,
    used: string | undefined,
    began: number,
  ): Promise<boolean> => {
    const learnt = learn(parseChallenges(headers["www-authenticate"]));
    if (learnt === undefined) return false;
    scheme = learnt;
    if (learnt.kind === "basic") {
      const credential = used === undefined ? await lookup(access.path) : undefined;
      return credential?.kind === "basic" || credential?.kind === "registry-token";
    }
    const known = [...tokens].find(([, { arrived }]) => used === `Bearer ${arrived?.value}`);
    if (known === undefined) return true;
    const [key, entry] = known;
    const isFresh = (entry.arrived?.fetchedAt ?? 0) >= began;
    if (!isFresh) forget(key, entry);
    return !isFresh && entry.arrived?.expiresAt !== Number.POSITIVE_INFINITY;
  };

  return {
    /**
     * Sends a request with what it has to carry, and once more when the registry's refusal says what that is.
     * @throws {RegistryError} `unauthorized`, when the credential itself has turned out to be refused; `unsafe-realm`.
     */
    async authorize(access: Access, send: Send): Promise<StreamedAnswer> {
      const began = Date.now();
      const { answer, used } = await carry(access, send);
      if (!isRefused(answer)) return answer;
      try {
        if (!(await challenged(answer, access, used, began))) return answer;
      } catch (error) {
        answer.body.destroy();
        throw error;
      }
      await drain(answer);
      return (await carry(access, send)).answer;
    },
    /**
     * Whether the token that a request was made with allows an action on a repository; `undefined` when there is none, or
     * none that says.
     */
    async grants(access: Access, action: string): Promise<boolean | undefined> {
      const token = await live(access.scopes)?.token;
      return token === undefined ? undefined : tokenAllows(token.value, access.path, action);
    },
    /** Where the credential for a path came from, for messages. */
    async sourceOf(path: string): Promise<string | undefined> {
      return (await lookup(path).catch(() => undefined))?.source;
    },
  };
}

/** What came of a credential that was shown. */
async function outcomeOf<Result>(
  show: () => Promise<Result>,
  isRefusal: (result: Result) => boolean,
): Promise<{ isRefused: boolean; result?: Result; end: () => Result }> {
  try {
    const result = await show();
    return { isRefused: isRefusal(result), result, end: () => result };
  } catch (error) {
    const end = () => {
      throw error;
    };
    return { isRefused: error instanceof RegistryError && error.code === "unauthorized", end };
  }
}

/** New credentials that may be refused as the old ones were, before no more of them are got. */
const maxInVain = 3;

/** Whether it is worth getting another credential: not where a new one was refused as well, which is then for want of rights. */
class Renewal {
  readonly #paths = new Set<string>();

  isHopeful({ isRenewable = false }: Credential, path: string): boolean {
    return isRenewable && !this.#paths.has(path) && this.#paths.size < maxInVain;
  }

  wasInVain(path: string): void {
    this.#paths.add(path);
  }
}

/** What a request carries for a registry that wants to see the credential itself. */
function headerFor(credential: Credential): string | undefined {
  if (credential.kind === "registry-token") return `Bearer ${credential.token}`;
  return credential.kind === "basic" ? basicHeader(credential) : undefined;
}

function identityOf(credential: Credential): string {
  return credential.kind === "basic"
    ? `basic ${credential.username}:${credential.password}`
    : `${credential.kind} ${credential.token}`;
}

function refusalOf({ source }: Credential, host: string): RegistryError {
  return new RegistryError("unauthorized", `the registry refused the credentials from ${source}`, {
    where: host,
    hint: `check whether they are current, or log in again: waybill login ${host}`,
  });
}

function keyOf(scopes: readonly string[]): string {
  return scopes.join(" ");
}

/** The scope of writing that a scope of reading is part of. */
function widened(scope: string): string {
  return scope.replace(/:pull$/, ":pull,push");
}
