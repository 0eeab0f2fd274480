import { type Api, giteaApi } from "gitea-js";
import { ownerAndName } from "../remote.ts";
import type { Wire } from "../wire.ts";

/** Asks Gitea or Forgejo by the operations of its API (`/api/swagger` of each of them). */
export type GiteaClient = Api<unknown>;

/** The client that sends all its requests by the wire. */
export function openClient(api: string, wire: Wire): GiteaClient {
  return giteaApi(api.replace(/\/api\/v1$/, ""), { customFetch: wire });
}

/** Owner and name, as operations want them: the client puts them into URLs as they are, so they have to be checked. */
export function ownerThenName(path: string): readonly [owner: string, name: string] {
  const { owner, repo } = ownerAndName(path);
  return [owner, repo];
}
