import type { Sql } from "../database/index.ts";
import { AccessError } from "./errors.ts";
import type { AccessSettings, Principal } from "./model.ts";
import { findSession } from "./sessions.ts";
import { findToken } from "./tokens.ts";

/** What somebody shows of who it is. */
export interface Shown {
  /** The value of `Authorization`. */
  readonly authorization?: string | undefined;
  /** The secret of a session, from its cookie. Not looked at beside a token. */
  readonly session?: string | undefined;
  /** The address that it comes from. */
  readonly from: string;
}

/** Somebody, and what shows it: only requests with a session's cookie can be sent by a page without their user's will. */
export interface Identified {
  readonly principal: Principal;
  readonly by: "nothing" | "session" | "token";
}

const anonymous: Principal = {
  kind: "anonymous",
  id: "anonymous",
  name: "nobody in particular",
  role: undefined,
  names: [],
  groups: [],
  most: "reader",
};

/**
 * Who somebody is. Who shows nothing is anonymous, and so is the browser whose session has ended; a token that is none is refused,
 * because whoever sends one wants to know.
 * @throws {AccessError} `credential-invalid`.
 */
export async function identify(
  sql: Sql,
  { authorization, session, from }: Shown,
  settings: AccessSettings,
  now: Date,
): Promise<Identified> {
  if (authorization !== undefined) {
    const [, token] = /^bearer +([\x21-\x7e]{1,200})$/i.exec(authorization) ?? [];
    const principal = token === undefined ? undefined : await findToken(sql, token, from, settings, now);
    if (principal !== undefined) return { principal, by: "token" };
    throw new AccessError("credential-invalid", "this token is none, or has ended, or was revoked", {
      hint: "make a new one, and send it as: Authorization: Bearer TOKEN",
    });
  }
  // What is no secret of ours is not looked for.
  const found =
    session !== undefined && /^[\w-]{43}$/.test(session)
      ? await findSession(sql, session, settings, now)
      : undefined;
  return found === undefined ? { principal: anonymous, by: "nothing" } : { principal: found, by: "session" };
}
