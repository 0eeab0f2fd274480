import { once } from "node:events";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { createServer } from "node:net";
import { checkDatabase } from "../database/index.ts";
import { errorCodeOf, makeFolder } from "../disk/index.ts";
import { failureRecord } from "../errors/index.ts";
import { openObjects } from "../objects/index.ts";
import type { SecretSetting } from "../secrets/index.ts";
import { networkOf } from "../work/index.ts";
import { bucketKey } from "./bucket-key.ts";
import { checkCredentials } from "./check-credentials.ts";
import { checkJobs } from "./check-jobs.ts";
import { problemOf, type ServeCheck } from "./checked.ts";
import { migrations } from "./migrations.ts";
import type { ServeOptions } from "./options.ts";
import { secretOf } from "./settle.ts";

/** Characters of a secret of webhooks that nobody guesses. */
const minSecret = 20;

/**
 * Looks at all that a server with these options needs, as it would find it: all that is wrong is told at once, and nothing is changed.
 */
export async function checkServer(options: ServeOptions): Promise<readonly ServeCheck[]> {
  const checks = await Promise.all([
    checkData(options),
    checkTables(options),
    checkRecords(options),
    checkJobs(options),
    checkListen(options),
    checkAccess(options),
    ...(options.roles.has("web") ? [checkWebhooks(options)] : []),
    checkNotifications(options),
    checkCredentials(options),
  ]);
  return checks.flat();
}

async function checkData({ data: where }: ServeOptions): Promise<ServeCheck[]> {
  try {
    await makeFolder(where);
    await access(where, constants.R_OK | constants.W_OK);
    return [{ what: "data", where, state: "fine", message: "can be written to" }];
  } catch (error) {
    const hint = "name a folder that this user may write to: --data-dir, or serve.data";
    return [{ what: "data", where, hint, ...problemOf(error) }];
  }
}

async function checkTables({ database }: ServeOptions): Promise<ServeCheck[]> {
  const { kind, where, version, pending, problem } = await checkDatabase(database, migrations);
  const what = "database";
  if (problem?.code === "locked") {
    return [
      {
        what,
        where,
        state: "warning",
        message: problem.message,
        hint: "as it should be while a server runs",
      },
    ];
  }
  if (problem !== undefined) return [{ what, where, ...problemOf(problem) }];
  const server = `${kind === "pglite" ? "embedded" : "PostgreSQL"}${version === undefined ? "" : ` ${version}`}`;
  const steps =
    pending.length === 0 ? "up to date" : `the next start brings it up to date (${pending.length} steps)`;
  return [{ what, where, state: "fine", message: `${server}, ${steps}` }];
}

async function checkRecords(options: ServeOptions): Promise<ServeCheck[]> {
  const { objects, settings, environment } = options;
  const what = "records";
  try {
    const network = networkOf({ settings, environment });
    const store = openObjects(objects, { network, key: bucketKey(options) });
    for await (const _ of store.list("logs/", {})) break;
    return [{ what, where: store.where, state: "fine", message: "can be read" }];
  } catch (error) {
    return [{ what, where: objects, ...problemOf(error) }];
  }
}

async function checkListen({ listen: { host, port } }: ServeOptions): Promise<ServeCheck[]> {
  const [what, where] = ["listen", `${inUrl(host)}:${port}`] as const;
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    return [{ what, where, state: "fine", message: "is free" }];
  } catch (error) {
    if (errorCodeOf(error) !== "EADDRINUSE") return [{ what, where, ...problemOf(error) }];
    const hint = "as it should be while a server runs; else name another one: --listen, or serve.listen";
    return [{ what, where, state: "warning", message: "somebody listens there already", hint }];
  } finally {
    server.close();
  }
}

async function checkAccess(options: ServeOptions): Promise<ServeCheck[]> {
  const { access: rules, database, publicUrl, listen, credentialSources } = options;
  const [what, where] = ["access", "serve.access"] as const;
  const { providers, roles, adminTokenFile } = rules;
  const checks: ServeCheck[] = [];
  if (adminTokenFile === undefined && providers.length === 0 && !("folder" in database)) {
    checks.push({
      ...{ what, where, state: "problem", message: "nobody can log in, and there is no token of an admin" },
      hint: "name adminTokenFile, or who vouches for people, under serve.access",
    });
  }
  for (const { name, clientSecret } of providers) {
    const place = `serve.access.login.${name}`;
    checks.push(...(await checkSecret(what, place, clientSecret, credentialSources)));
  }
  if (providers.length === 0 && Object.keys(roles).length > 0) {
    checks.push({
      ...{ what, where: "serve.access.roles", state: "warning" },
      message: "nobody can log in, so nobody has any of these roles",
      hint: "name who vouches for people: serve.access.login",
    });
  }
  const isLoopback = /^(?:localhost|127\.[\d.]+|::1)$/.test(listen.host);
  if (publicUrl === undefined && !isLoopback) {
    checks.push({
      ...{ what, where: "serve.publicUrl", state: "warning" },
      message: "links in statuses lead to the address that is listened at",
      hint: "say the address that people know it by: publicUrl",
    });
  }
  const known = publicUrl ?? new URL(`http://${inUrl(listen.host)}`);
  if (providers.length > 0 && known.protocol === "http:" && known.hostname !== "localhost") {
    checks.push({
      ...{ what, where: "serve.publicUrl", state: "warning" },
      message: `nobody can log in with a browser at ${known.origin}: a session goes over TLS alone`,
      hint: "say an https:// address as publicUrl; http://localhost is excepted",
    });
  }
  if (checks.length > 0) return checks;
  const ways = providers.length === 1 ? "1 way" : `${providers.length} ways`;
  const token = adminTokenFile !== undefined || "folder" in database ? ", and a token of an admin" : "";
  return [{ what, where, state: "fine", message: `${ways} to log in${token}` }];
}

async function checkWebhooks({ webhooks }: ServeOptions): Promise<ServeCheck[]> {
  const what = "webhooks";
  if (webhooks.length === 0) {
    return [
      {
        ...{ what, where: "serve.webhooks", state: "warning" },
        message: "none is taken: what is pushed is seen within a minute",
        hint: "name a source and its secret under serve.webhooks, and the address /webhooks/NAME at the forge",
      },
    ];
  }
  return webhooks.map(({ name, secrets }): ServeCheck => {
    const where = `serve.webhooks.${name}`;
    if (secrets.every((secret) => secret.length >= minSecret)) {
      return { what, where, state: "fine", message: `taken at /webhooks/${name}` };
    }
    return {
      ...{ what, where, state: "warning" },
      message: `its secret has fewer than ${minSecret} characters, and may be guessed`,
      hint: "make another one, here and at the sender: openssl rand -hex 32",
    };
  });
}

async function checkNotifications({ notifications, credentialSources }: ServeOptions): Promise<ServeCheck[]> {
  const checks = notifications.receivers.map(async (receiver): Promise<readonly ServeCheck[]> => {
    if (receiver.kind === "email") return [];
    const where = `serve.notifications.receivers.${receiver.name}`;
    const secrets = [receiver.url, ...(receiver.kind === "webhook" ? receiver.secrets : [])];
    const found = await Promise.all(
      secrets.map((secret) => checkSecret("notifications", where, secret, credentialSources)),
    );
    return found.flat();
  });
  return (await Promise.all(checks)).flat();
}

/** A host as URLs have it. */
function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** A secret that the settings name, and that is read when it is needed. */
async function checkSecret(
  what: ServeCheck["what"],
  where: string,
  secret: SecretSetting,
  sources: ServeOptions["credentialSources"],
): Promise<readonly ServeCheck[]> {
  try {
    await secretOf(secret, where, sources);
    return [];
  } catch (error) {
    const { where: place } = failureRecord(error);
    return [{ what, where: place ?? where, ...problemOf(error) }];
  }
}
