import { type Api, giteaApi } from "gitea-js";
import { ForgeError } from "../errors.ts";
import { checkedPath } from "../remote.ts";
import type { Wire } from "../wire.ts";

/** Asks Gitea or Forgejo by the operations of its API (`/api/swagger` of each of them). */
export type GiteaClient = Api<unknown>;

/** The client that sends all its requests by the wire. */
export function openClient(api: string, wire: Wire): GiteaClient {
  return giteaApi(api.replace(/\/api\/v1$/, ""), { customFetch: wire });
}

/**
 * Owner and name. The client puts them into URLs as they are, so they have to be checked.
 * @throws {ForgeError} `not-found` for a path that no repository can have.
 */
export function ownerAndName(path: string): readonly [owner: string, name: string] {
  const [owner = "", name = "", ...more] = checkedPath(path).split("/");
  if (more.length === 0) return [owner, name];
  throw new ForgeError("not-found", `${path} is no repository: there are no groups`, {
    hint: "write it as owner/name",
  });
}
