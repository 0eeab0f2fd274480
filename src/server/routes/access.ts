import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import {
  AccessError,
  type AuditEntry,
  appendAudit,
  endSessionOf,
  endSessionsOf,
  issueToken,
  listAudit,
  listPeople,
  listSessions,
  listTokens,
  mayDo,
  type Principal,
  parseHead,
  revokeToken,
  roles,
  type TokenRecord,
  verifyAuditLog,
} from "../../access/index.ts";
import { demand, demandSomebody, doing, whoOf } from "../acts.ts";
import { type Env, timeOf } from "../context.ts";
import { ServerError } from "../errors.ts";
import { addList } from "../lists/list.ts";
import { afterNumber, afterValues, pageOfRows, placeText } from "../lists/page.ts";
import type { ServerParts } from "../model.ts";
import { failures, json, jsonBody } from "../responses.ts";
import { jobNameSchema, lineSchema, rowTimeSchema, timeSchema } from "../schemas.ts";

const tags = ["access"];
const role = z.enum(roles);

const meSchema = z
  .object({
    kind: z.enum(["anonymous", "person", "machine"]),
    name: z.string(),
    role: role.optional(),
    names: z.array(z.string()).openapi({ description: "What lists of users may call it." }),
    groups: z.array(z.string()),
    jobs: z
      .array(z.string())
      .optional()
      .openapi({ description: "The only jobs that it may do anything to." }),
    endsAt: timeSchema.optional(),
    mayRead: z.boolean(),
    mayManage: z
      .boolean()
      .openapi({ description: "It sees people, the audit log, and who is shown to whom." }),
    login: z.array(z.string()).openapi({ description: "Where people log in: GET /auth/NAME." }),
  })
  .openapi("Me");

/** Who asks the API, and what they may do. */
export type MeDocument = z.infer<typeof meSchema>;

const meRoute = createRoute({
  method: "get",
  path: "/me",
  tags,
  summary: "Who this request is from, and what it may do",
  responses: { 200: json(meSchema, "Whoever it is."), ...failures },
});

const tokenSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    role,
    jobs: z.array(z.string()).optional(),
    madeBy: z.string(),
    madeAt: timeSchema,
    endsAt: timeSchema,
    usedAt: timeSchema.optional(),
    usedFrom: z.string().optional(),
  })
  .openapi("Token");

/** A token as the API lists it. */
export type TokenDocument = z.infer<typeof tokenSchema>;
/** A new one, which is shown this once. */
export type NewTokenDocument = z.infer<typeof newTokenSchema>;

const newTokenSchema = tokenSchema
  .extend({ token: z.string().openapi({ description: "Shown this once." }) })
  .openapi("NewToken");

const issueRoute = createRoute({
  method: "post",
  path: "/tokens",
  tags,
  summary: "Make a token",
  description:
    "People make tokens that may do what they may themselves, and no more than its role. With `ownRights: true` an admin makes one that has its role whoever comes and goes.",
  request: {
    body: jsonBody(
      z.strictObject({
        name: z.string().min(1).max(100),
        role,
        jobs: z.array(jobNameSchema).max(100).optional(),
        days: z.int().min(1).max(366).default(90),
        ownRights: z.boolean().default(false),
      }),
    ),
  },
  responses: { 201: json(newTokenSchema, "The token."), ...failures },
});

const revokeRoute = createRoute({
  method: "delete",
  path: "/tokens/{id}",
  tags,
  summary: "End a token",
  request: { params: z.object({ id: z.uuid() }) },
  responses: { 200: json(tokenSchema, "What it was."), ...failures },
});

const exchangeRoute = createRoute({
  method: "post",
  path: "/tokens/exchange",
  tags,
  summary: "A token for 15 minutes, for one of a CI system's",
  description:
    "A job of GitHub Actions or GitLab CI shows the token that its CI system gives it (OIDC), for the audience that is configured.",
  security: [],
  request: {
    body: jsonBody(
      z.strictObject({
        token: z
          .string()
          .min(1)
          .max(16 * 1024),
      }),
    ),
  },
  responses: { 201: json(newTokenSchema, "The token."), ...failures },
});

const entrySchema = z
  .object({
    number: z.int(),
    at: z.string(),
    act: z.string().openapi({ example: "run.abort" }),
    subject: z.string().openapi({ example: "run/1384977461019676672" }),
    who: z.object({ kind: z.string(), id: z.string(), name: z.string() }),
    from: z.object({ address: z.string().optional(), request: z.string().optional() }).optional(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
    previous: z.string(),
    hash: z.string(),
  })
  .openapi("AuditEntry");

/** An entry of the audit log, as the API has it. */
export type AuditDocument = z.infer<typeof entrySchema>;

const personSchema = z
  .object({
    ...{ id: z.string(), provider: z.string(), login: z.string(), name: z.string() },
    groups: z.array(z.string()).openapi({ description: "As the provider said at the last login." }),
    role: role.optional().openapi({ description: "The greatest that the settings give." }),
    seenAt: timeSchema.openapi({ description: "The last login." }),
    sessions: z.int(),
    tokens: z.int(),
  })
  .openapi("Person");

/** A person as the API has one. */
export type PersonDocument = z.infer<typeof personSchema>;

const logoutRoute = createRoute({
  method: "delete",
  path: "/people/{id}/sessions",
  tags,
  summary: "End all sessions of a person: one's own, or anybody's for an admin",
  request: { params: z.object({ id: z.uuid() }) },
  responses: { 200: json(z.object({ ended: z.int() }), "How many there were."), ...failures },
});

const sessionSchema = z
  .object({
    id: z.string().openapi({ description: "Good for nothing but to end it." }),
    owner: z.object({ kind: z.enum(["person", "token"]), id: z.string(), name: z.string() }),
    madeAt: timeSchema,
    usedAt: timeSchema,
    endsAt: timeSchema,
  })
  .openapi("Session");

/** A session as the API lists it. */
export type SessionDocument = z.infer<typeof sessionSchema>;

const endSessionRoute = createRoute({
  method: "delete",
  path: "/sessions/{id}",
  tags,
  summary: "End a session: one's own, or anybody's for an admin",
  request: { params: z.object({ id: z.string().regex(/^[0-9a-f]{32}$/) }) },
  responses: { 204: { description: "It has ended." }, ...failures },
});

const grantSchema = z
  .object({
    role,
    everyone: z.boolean().openapi({ description: "Everybody who has logged in has it." }),
    users: z.array(z.string()),
    groups: z.array(z.string()),
  })
  .openapi("Grant");

/** Who has a role, as the API has it. */
export type GrantDocument = z.infer<typeof grantSchema>;

const verdictSchema = z
  .object({
    entries: z.int(),
    head: z.object({ number: z.int(), hash: z.string() }).optional(),
    fault: z
      .object({
        number: z.int(),
        kind: z.enum(["changed", "missing", "reordered", "cut off"]),
        message: z.string(),
      })
      .optional(),
  })
  .openapi("AuditVerdict");

const verifyRoute = createRoute({
  method: "get",
  path: "/audit-log/verdict",
  tags,
  summary: "Whether the audit log is what was written",
  request: {
    query: z.object({
      head: z
        .string()
        .regex(/^[0-9]{1,15}:[0-9a-f]{64}$/)
        .optional()
        .openapi({ description: "An end of the log that was noted earlier: NUMBER:HASH." }),
    }),
  },
  responses: { 200: json(verdictSchema, "What came of it."), ...failures },
});

/** The routes of people, tokens and the audit log. */
export function addAccess(api: OpenAPIHono<Env>, parts: ServerParts): void {
  const { db, access } = parts;
  // The role alone does not tell: a token may be limited to some jobs.
  const mayManage = (principal: Principal): boolean =>
    mayDo(principal, "manage", undefined, access.settings).isGiven;

  api.openapi(meRoute, (c) => {
    const { principal } = c.get("identified");
    const { kind, name, role: own, names, groups, jobs, endsAt } = principal;
    const mayRead = mayDo(principal, "read", undefined, access.settings).isGiven;
    return c.json(
      {
        ...{ kind, name, role: own, names: [...names], groups: [...groups], jobs: jobs && [...jobs] },
        ...{
          endsAt: endsAt?.toISOString(),
          mayRead,
          mayManage: mayManage(principal),
          login: [...access.logins.providers],
        },
      },
      200,
    );
  });

  addList(api, {
    ...{ path: "/tokens", tag: "access", item: tokenSchema, params: {} },
    summary: "Tokens that have not ended, the newest first: one's own, or all for an admin",
    filters: {
      person: lineSchema(100).optional().openapi({ description: "The id of the person whose they are." }),
      after: afterValues(rowTimeSchema),
    },
    async read(c, { person, after, limit }) {
      const { principal } = c.get("identified");
      const own = personOf(principal, mayManage(principal));
      // Of others there are none, as far as somebody may know.
      if (own !== undefined && person !== undefined && person !== own) return { items: [] };
      const behind = after && ([new Date(after[0]), after[1]] as const);
      const query = { person: own ?? person, after: behind, limit: limit + 1 };
      const found = await listTokens(db, query, timeOf(parts));
      return pageOfRows(
        found,
        limit,
        ({ madeAt, id }) => placeText([madeAt.toISOString(), id]),
        tokenDocument,
      );
    },
  });

  addList(api, {
    ...{ path: "/people", tag: "access", item: personSchema, params: {} },
    summary: "People who have logged in, by name, and what they may do",
    filters: {
      search: lineSchema(200)
        .optional()
        .openapi({ description: "What stands somewhere in the login or the name." }),
      after: afterValues(),
    },
    async read(c, { search, after, limit }) {
      demand(c, parts, "manage");
      const query = { search, after, limit: limit + 1 };
      const found = await listPeople(db, query, access.settings, timeOf(parts));
      return pageOfRows(
        found,
        limit,
        ({ shown, id }) => placeText([shown, id]),
        ({ id, provider, login, shown: name, groups, role: own, seenAt, sessions, tokens }) => ({
          ...{ id, provider, login, name, groups: [...groups], role: own, sessions, tokens },
          seenAt: seenAt.toISOString(),
        }),
      );
    },
  });

  api.openapi(logoutRoute, async (c) => {
    const { id } = c.req.valid("param");
    const { principal } = c.get("identified");
    if (principal.kind !== "person" || principal.id !== id) demand(c, parts, "manage");
    const ended = await doing(c, parts, async (sql) => {
      const result = await endSessionsOf(sql, id);
      return { result, done: { act: "session.end-all", subject: `person/${id}`, after: { ended: result } } };
    });
    return c.json({ ended }, 200);
  });

  const ownerOf = ({ kind, id }: Principal, mayAll: boolean) => {
    if (mayAll) return {};
    return kind === "person" ? { person: id } : { token: id };
  };

  addList(api, {
    ...{ path: "/sessions", tag: "access", item: sessionSchema, params: {} },
    summary: "Sessions of browsers, those first that were used last: one's own, or all for an admin",
    filters: {
      after: afterValues(rowTimeSchema),
    },
    async read(c, { after, limit }) {
      demandSomebody(c, parts);
      const { principal } = c.get("identified");
      const behind = after && ([new Date(after[0]), after[1]] as const);
      const query = { ...ownerOf(principal, mayManage(principal)), after: behind, limit: limit + 1 };
      const found = await listSessions(db, query, timeOf(parts));
      return pageOfRows(
        found,
        limit,
        ({ usedAt, id }) => placeText([usedAt.toISOString(), id]),
        ({ id, owner, madeAt, usedAt, endsAt }) => ({
          ...{ id, owner: { ...owner } },
          ...{ madeAt: madeAt.toISOString(), usedAt: usedAt.toISOString(), endsAt: endsAt.toISOString() },
        }),
      );
    },
  });

  api.openapi(endSessionRoute, async (c) => {
    demandSomebody(c, parts);
    const { id } = c.req.valid("param");
    const { principal } = c.get("identified");
    await doing(c, parts, async (sql) => {
      if (!(await endSessionOf(sql, id, ownerOf(principal, mayManage(principal))))) {
        throw new ServerError("unknown-session", "no session of that id is there", {
          hint: "it may have ended: see GET /api/v1/sessions",
        });
      }
      return { result: undefined, done: { act: "session.end", subject: `session/${id}` } };
    });
    return c.body(null, 204);
  });

  addList(api, {
    ...{ path: "/roles", tag: "access", item: grantSchema, params: {}, filters: {} },
    summary: "Who has which role by the settings; each may all that those before it may",
    async read(c) {
      demand(c, parts, "manage");
      const grants = access.settings.roles;
      return {
        items: roles.map((one) => {
          const { everyone = false, users = [], groups = [] } = grants[one] ?? {};
          return { role: one, everyone, users: [...users], groups: [...groups] };
        }),
      };
    },
  });

  api.openapi(issueRoute, async (c) => {
    const { name, role: wanted, jobs, days, ownRights } = c.req.valid("json");
    const { principal } = c.get("identified");
    if (ownRights) demand(c, parts, "manage");
    const person = personOf(principal, ownRights);
    const now = timeOf(parts);
    const endsAt = new Date(now.getTime() + days * 86_400_000);
    const issued = await doing(c, parts, async (sql) => {
      const request = { name, role: wanted, jobs, endsAt, person, madeBy: principal.name };
      const result = await issueToken(sql, request, now);
      const after = { name, role: wanted, jobs, endsAt: endsAt.toISOString(), person };
      return { result, done: { act: "token.issue", subject: `token/${result.record.id}`, after } };
    });
    return c.json({ ...tokenDocument(issued.record), token: issued.token }, 201);
  });

  api.openapi(revokeRoute, async (c) => {
    const { id } = c.req.valid("param");
    const { principal } = c.get("identified");
    const person = personOf(principal, mayManage(principal));
    const record = await doing(c, parts, async (sql) => {
      const result = await revokeToken(sql, id, person, timeOf(parts));
      const before = { name: result.name, role: result.role };
      return { result, done: { act: "token.revoke", subject: `token/${id}`, before } };
    });
    return c.json(tokenDocument(record), 200);
  });

  api.openapi(exchangeRoute, async (c) => {
    const { token: shown } = c.req.valid("json");
    // Before the transaction: an issuer that is slow with its keys keeps nobody from the database.
    const verified = await access.machines.verify(shown);
    const issued = await db.transaction(async (sql) => {
      const result = await access.machines.exchange(sql, verified);
      const { id, name, role: given } = result.record;
      const after = { name, role: given, claims: result.claims };
      const who = { kind: "machine", id, name } as const;
      const entry = { ...whoOf(c), who, act: "token.exchange", subject: `token/${id}`, after };
      await appendAudit(sql, entry, timeOf(parts));
      return result;
    });
    return c.json({ ...tokenDocument(issued.record), token: issued.token }, 201);
  });

  addList(api, {
    ...{ path: "/audit-log", tag: "access", item: entrySchema, params: {} },
    summary: "Who did what, the newest first",
    filters: {
      subject: lineSchema(200).optional(),
      act: lineSchema(200).optional(),
      who: lineSchema(200).optional().openapi({ description: "The id of whoever did it." }),
      after: afterNumber,
    },
    async read(c, { after, limit, ...filter }) {
      demand(c, parts, "manage");
      const before = after === undefined ? undefined : Number(after);
      const found = await listAudit(db, { ...filter, before, limit: limit + 1 });
      return pageOfRows(found, limit, ({ number }) => String(number), entryDocument);
    },
  });

  api.openapi(verifyRoute, async (c) => {
    demand(c, parts, "manage");
    const { head } = c.req.valid("query");
    return c.json(await verifyAuditLog(db, { noted: head === undefined ? undefined : parseHead(head) }), 200);
  });
}

/**
 * Whose tokens somebody may make, see and end: their own; `undefined` for all. A token makes none, or it would never end.
 * @throws {AccessError} `forbidden`.
 */
function personOf({ kind, id }: Principal, mayAll: boolean): string | undefined {
  if (mayAll) return undefined;
  if (kind === "person") return id;
  throw new AccessError("forbidden", "tokens belong to people who have logged in, or are made by an admin", {
    hint: "log in with a browser; an admin's token makes others with ownRights: true",
  });
}

function tokenDocument(record: TokenRecord): TokenDocument {
  const { id, name, role: given, jobs, madeBy, madeAt, endsAt, usedAt, usedFrom } = record;
  return {
    ...{ id, name, role: given, jobs: jobs && [...jobs], madeBy, usedFrom },
    ...{ madeAt: madeAt.toISOString(), endsAt: endsAt.toISOString(), usedAt: usedAt?.toISOString() },
  };
}

function entryDocument(entry: AuditEntry & { readonly hash: string }): AuditDocument {
  return { ...entry, from: entry.from && { ...entry.from } };
}
