import { generateKeyPairSync, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { jwtVerify, SignJWT } from "jose";
import { afterBody, answer, type ScriptedServer, serve } from "./scripted-server.ts";

/** A request that a stand-in of a cloud has seen. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly form: URLSearchParams;
  readonly request: IncomingMessage;
}

/** What a service of a cloud answers: a status, what is in its body, headers. */
export type Told = readonly [status: number, body?: unknown, headers?: Readonly<Record<string, string>>];

/** A server that stands in for services of clouds: each answers for the paths that begin as its name does. */
export interface CloudServer extends ScriptedServer {
  readonly asked: Asked[];
  /** How often a path was asked for. */
  times(path: string): number;
}

export async function startCloud(
  services: Readonly<Record<string, (asked: Asked) => Told | Promise<Told>>>,
): Promise<CloudServer> {
  const asked: Asked[] = [];
  const server = await serve((request, response, url) => {
    const respond = async (bytes: Buffer): Promise<void> => {
      const body = bytes.toString("utf8");
      const { method = "", headers } = request;
      const one: Asked = {
        ...{ method, path: url.pathname, query: url.searchParams, headers, body, request },
        form: new URLSearchParams(body),
      };
      asked.push(one);
      const names = Object.keys(services).sort((a, b) => b.length - a.length);
      const name = names.find((prefix) => url.pathname.startsWith(prefix));
      const [status, said = "", more = {}] =
        name === undefined ? ([404, "nobody here"] as const) : ((await services[name]?.(one)) ?? [500]);
      answer(response, status, { ...more }, typeof said === "string" ? said : JSON.stringify(said));
    };
    // What a service throws shows as an answer that nobody expects.
    afterBody(
      request,
      (bytes) => void respond(bytes).catch((error) => answer(response, 599, {}, String(error))),
    );
  });
  return { ...server, asked, times: (path) => asked.filter((one) => one.path === path).length };
}

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const issuer = "https://token.actions.githubusercontent.com";

/** A token as a CI system gives it to a job. */
export function ciToken(audience: string): Promise<string> {
  return new SignJWT({ repository_id: "7", ref: "refs/heads/main" })
    .setProtectedHeader({ alg: "RS256" })
    .setIssuer(issuer)
    .setSubject("repo:example/app:ref:refs/heads/main")
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime("5m")
    .sign(privateKey);
}

/** Checks such tokens as a cloud does, each once. */
export function ciTokenJudge(audience: string): (token: string | null) => Promise<boolean> {
  const seen = new Set<string>();
  return async (token) => {
    const verified = await jwtVerify(token ?? "", publicKey, { issuer, audience }).catch(() => undefined);
    const jti = verified?.payload.jti;
    if (jti === undefined || seen.has(jti)) return false;
    seen.add(jti);
    return true;
  };
}
