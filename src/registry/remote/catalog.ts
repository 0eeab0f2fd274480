import { z } from "zod";
import { RegistryError } from "../errors.ts";
import { catalogScope } from "../host/authorizer.ts";
import type { HostClient } from "../host/host-client.ts";
import { refusal } from "./answer.ts";
import { nextPage, pages } from "./pagination.ts";

const catalogSchema = z.object({ repositories: z.array(z.string()).nullish() });
const pageBytes = 64 * 1024 * 1024;

/**
 * Paths of all repositories of a host, as it says them: `GET /v2/_catalog`, which not every registry has.
 * @throws {RegistryError} `unsupported` where there is no catalog.
 */
export async function* catalogOf(client: HostClient): AsyncGenerator<string> {
  const { host, origin } = client.endpoint;
  const access = { path: "", scopes: [catalogScope] };
  const read = async (url: URL) => {
    const answer = await client.send({ kind: "list", method: "GET", url, access, where: host }, pageBytes);
    if ([404, 405, 501].includes(answer.status)) {
      const message = `the registry does not list its repositories (${answer.status})`;
      throw new RegistryError("unsupported", message, { where: host });
    }
    if (answer.status !== 200)
      throw await refusal({ client, name: host, path: "" }, answer, "listing repositories");
    return { page: parseCatalog(answer.bytes, host), next: nextPage(answer, url, host) };
  };
  for await (const page of pages(new URL("/v2/_catalog?n=1000", origin), host, read)) yield* page;
}

function parseCatalog(bytes: Uint8Array, where: string): readonly string[] {
  try {
    return catalogSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8"))).repositories ?? [];
  } catch (cause) {
    const message = "the registry's list of repositories is not what the specification says";
    throw new RegistryError("unexpected-response", message, { where, cause });
  }
}
