import { RegistryError } from "../errors.ts";
import { catalogScope } from "../host/authorizer.ts";
import type { HostClient } from "../host/host-client.ts";
import { refusal } from "./answer.ts";
import { readMembers } from "./json-members.ts";
import { ListHabits, refuseTooManyNames } from "./pagination.ts";

const fields: ReadonlySet<string> = new Set(["repositories"]);
const pageBytes = 64 * 1024 * 1024;
const pageSizes = [1_000, 100];
const habits = new ListHabits();

/**
 * Paths of all repositories of a host, as it says them: `GET /v2/_catalog`, which not every registry has.
 * @throws {RegistryError} `unsupported` where there is no catalog, `list-incomplete` for one that is not known to be whole.
 */
export async function* catalogOf(client: HostClient): AsyncGenerator<string> {
  const { host, origin } = client.endpoint;
  const access = { path: "", scopes: [catalogScope] };
  let hasCatalog = false;
  const catalog = habits.whole({
    client,
    url: new URL("/v2/_catalog", origin),
    where: host,
    sizes: pageSizes,
    send: (url) => client.send({ kind: "list", method: "GET", url, access, where: host }, pageBytes),
    async read(answer) {
      if (answer.status === 200) return parseCatalog(answer.bytes, host);
      if ([404, 405, 501].includes(answer.status)) return undefined;
      throw await refusal({ client, name: host, path: "" }, answer, "listing repositories");
    },
    names: (page) => page,
  });
  const told = new Set<string>();
  for await (const page of catalog) {
    hasCatalog = true;
    for (const path of page) {
      if (told.has(path)) continue;
      told.add(path);
      yield path;
    }
  }
  if (hasCatalog) return;
  throw new RegistryError("unsupported", "the registry does not list its repositories", { where: host });
}

async function parseCatalog(bytes: Uint8Array, where: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    const found = await readMembers(bytes, fields, ({ key, value }) => {
      if (typeof value !== "string" || key !== undefined) throw new SyntaxError("it is no list of names");
      names.push(value);
      refuseTooManyNames(names.length, where);
    });
    if (found.size === 0) throw new SyntaxError("it has no repositories, be they null");
    return names;
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    const message = "the registry's list of repositories is not what the specification says";
    throw new RegistryError("unexpected-response", message, { where, cause });
  }
}
