import { randomBytes, verify } from "node:crypto";
import { type Call, Refusal, type Reply, type Route } from "./dialect.ts";
import type { ForgeApp, ForgeUser } from "./model.ts";

/** Milliseconds that a token of an installation lives. */
const tokenLife = 60 * 60_000;

/** Apps of GitHub: signatures that speak for them, and tokens of their installations. */
export interface Apps {
  add(app: Omit<ForgeApp, "issued">): ForgeApp;
  /** Whose signature it is (RFC 7515, RS256), if it holds now. */
  signerOf(token: string): ForgeUser | undefined;
  /** Ends all tokens that were issued. */
  endTokens(): void;
  readonly routes: readonly Route[];
}

interface Place {
  readonly users: readonly ForgeUser[];
  put(user: ForgeUser): void;
  remove(user: ForgeUser): void;
  failure(status: number, message: string): Reply;
}

export function createApps({ users, put, remove, failure }: Place): Apps {
  const apps: ForgeApp[] = [];
  const installationOf = (app: ForgeApp): number => 1_000 + apps.indexOf(app);
  const appOf = (call: Call): ForgeApp => {
    if (call.user?.app !== undefined) return call.user.app;
    throw new Refusal(failure(401, "A JSON web token could not be decoded"));
  };
  const shown = (app: ForgeApp): Reply => ({
    status: 200,
    body: { id: installationOf(app), app_slug: app.slug, permissions: app.permissions },
  });
  const notFound = (): Refusal => new Refusal(failure(404, "Not Found"));

  return {
    add(added) {
      const app = { ...added, issued: [] };
      apps.push(app);
      return app;
    },
    signerOf(token) {
      const [head = "", payload = "", signature] = token.split(".");
      if (signature === undefined || !/"alg":"RS256"/.test(decoded(head))) return undefined;
      const { iss, iat, exp } = JSON.parse(decoded(payload)) as { iss: string; iat: number; exp: number };
      const app = apps.find(({ id }) => id === iss);
      const now = Date.now() / 1000;
      if (app === undefined || !(iat <= now && exp > now && exp - iat <= 600)) return undefined;
      const isSigned = verify(
        "sha256",
        Buffer.from(`${head}.${payload}`),
        app.publicKey,
        Buffer.from(signature, "base64url"),
      );
      return isSigned ? { id: 1, name: app.slug, token, rights: "all", app } : undefined;
    },
    endTokens() {
      const issued = new Set(apps.flatMap((app) => app.issued.map(({ token }) => token)));
      for (const user of users.filter(({ token }) => issued.has(token))) remove(user);
    },
    routes: [
      [
        "GET",
        "/repos/:owner/:repo/installation",
        (call) => {
          const app = appOf(call);
          if (!app.repositories.includes(`${call.params.owner}/${call.params.repo}`)) throw notFound();
          return shown(app);
        },
      ],
      [
        "GET",
        "/orgs/:org/installation",
        (call) => {
          const app = appOf(call);
          if (!app.repositories.some((path) => path.startsWith(`${call.params.org}/`))) throw notFound();
          return shown(app);
        },
      ],
      ["GET", "/app/hook/deliveries", (call) => ({ status: 200, body: appOf(call).deliveries ?? [] })],
      [
        "POST",
        "/app/installations/:id/access_tokens",
        (call) => {
          const app = appOf(call);
          const { permissions = {}, repositories } = call.body as {
            permissions?: Readonly<Record<string, string>>;
            repositories?: readonly string[];
          };
          const isGranted = Object.entries(permissions).every(
            ([name, level]) => app.permissions[name] === "write" || app.permissions[name] === level,
          );
          if (call.params.id !== String(installationOf(app))) throw notFound();
          if (!isGranted) {
            throw new Refusal(
              failure(422, "The permissions requested are not granted to this installation."),
            );
          }
          const token = `ghs_${randomBytes(18).toString("hex")}`;
          app.issued.push({ token, body: call.body });
          put({
            ...{ id: 2, name: `${app.slug}[bot]`, token },
            rights: Object.values(permissions).includes("write") ? "all" : "read",
            repositories: app.repositories.filter(
              (path) => repositories?.includes(path.split("/")[1] ?? "") ?? true,
            ),
          });
          return {
            status: 201,
            body: { token, expires_at: new Date(Date.now() + tokenLife).toISOString(), permissions },
          };
        },
      ],
    ],
  };
}

function decoded(part: string): string {
  return Buffer.from(part, "base64url").toString();
}
