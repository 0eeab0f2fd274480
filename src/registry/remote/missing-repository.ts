import { type Phrase, phrase } from "../../errors/index.ts";
import { type Answer, answerDetails } from "../../http/index.ts";
import { RegistryError } from "../errors.ts";
import type { HostClient } from "../host/host-client.ts";
import { knownHosts } from "../host/known-hosts.ts";
import { readServerErrors, type ServerErrors, saidBehind } from "../host/server-text.ts";
import type { AskedRepository, Remote } from "./remote.ts";

/** How registries say that a repository is not there which a push does not create; others say less, and create it. */
const uncreated = [
  // Amazon's.
  /repository with name .{1,300} does not exist in the registry with id/i,
  // Google's Artifact Registry.
  /^(?:NAME_UNKNOWN )?Repository "[^"]{1,200}" not found/,
  // Harbor.
  /^(?:NOT_FOUND )?project .{1,200} not found/i,
];

/** By host and path, what a registry has said of repositories that it does not have. */
const heard = new WeakMap<HostClient, Map<string, RegistryError>>();

/** Remembers it when a registry says, asked for anything, that a repository is missing and has to be created. */
export function hearOfMissing(remote: Remote, answer: Answer): void {
  const said = answer.status === 404 ? readServerErrors(answer.bytes, answer.secrets) : undefined;
  if (said === undefined || !uncreated.some((words) => words.test(said.text))) return;
  const known = heard.get(remote.client) ?? new Map<string, RegistryError>();
  known.set(remote.path, missingRepository(remote, answer, said));
  heard.set(remote.client, known);
}

/** What a registry has said of a repository that has to be created before anything is pushed. */
export function heardMissing({ client, path }: Remote): RegistryError | undefined {
  return heard.get(client)?.get(path);
}

/** Whether an answer to a push says that the repository is not there. */
export function saysMissing({ status }: Answer, said: ServerErrors | undefined): boolean {
  if (status !== 404 || said === undefined) return false;
  return said.codes.includes("NAME_UNKNOWN") || uncreated.some((words) => words.test(said.text));
}

/** A repository that is missing, and what creates it. */
export function missingRepository(
  { client, name, path }: AskedRepository,
  answer: Answer,
  said: ServerErrors,
): RegistryError {
  const message = phrase`the repository is missing, and the registry creates none by a push${saidBehind(said)}`;
  const hint = creationOf(client.endpoint.host.replace(/:\d+$/, ""), path, said.text);
  return new RegistryError("repository-missing", message, { ...answerDetails(answer), where: name, hint });
}

function creationOf(host: string, path: string, said: string): string | Phrase {
  const [, account, region] = /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\./.exec(host) ?? [];
  const owner = account ?? /registry with id '(\d{12})'/.exec(said)?.[1];
  const [project = "", repository = ""] = path.split("/");
  if (knownHosts.ecrPublic.test(host)) {
    return phrase`create it: aws ecr-public create-repository --region us-east-1 --repository-name ${path.slice(project.length + 1)}`;
  }
  if (owner !== undefined) {
    const place = region === undefined ? "" : ` --region ${region}`;
    return phrase`create it: aws ecr create-repository --repository-name ${path} --registry-id ${owner}${place}`;
  }
  const [, location] = /^([a-z0-9-]+)-docker\.pkg\.dev$/.exec(host) ?? [];
  if (location !== undefined) {
    return phrase`create it: gcloud artifacts repositories create ${repository} --repository-format=docker --location=${location} --project=${project}`;
  }
  return /^(?:NOT_FOUND )?project /i.test(said)
    ? phrase`create the project ${project} in the registry`
    : "create it in the registry, by its own means";
}
