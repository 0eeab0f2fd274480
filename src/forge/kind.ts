import * as z from "zod/mini";
import type { Network } from "../http/index.ts";
import { addressOf, checkedHost, type ForgeSettings, settingsOf } from "./address.ts";
import { openClient } from "./client.ts";
import { ForgeError } from "./errors.ts";
import type { ForgeKind } from "./forge.ts";
import type { ForgeOptions } from "./open.ts";
import { ForgeRefusal } from "./refusal.ts";
import { openWire, type WireTiming } from "./wire.ts";

const known: Readonly<Record<string, ForgeKind>> = {
  "github.com": "github",
  "gitlab.com": "gitlab",
  "gitea.com": "gitea",
  "codeberg.org": "gitea",
};

/** What kind of forge a host is, where its name alone tells. */
export function knownForgeKind(host: string): ForgeKind | undefined {
  if (host.endsWith(".ghe.com")) return "github";
  return Object.hasOwn(known, host) ? known[host] : undefined;
}

/** What each kind answers to everybody, and what tells it from a page that answers anything. */
const probes: Readonly<Record<ForgeKind, { readonly path: string; readonly answer: z.ZodMiniType }>> = {
  github: {
    path: "/meta",
    answer: z.union([z.object({ installed_version: z.string() }), z.object({ hooks: z.array(z.string()) })]),
  },
  gitlab: { path: "/metadata", answer: z.object({ version: z.string(), revision: z.string() }) },
  gitea: { path: "/version", answer: z.object({ version: z.string() }) },
};

/** Headers by which a forge is known that refuses to answer without a token. */
const signs: Readonly<Record<ForgeKind, readonly string[]>> = {
  github: ["x-github-request-id", "x-github-enterprise-version", "x-github-media-type"],
  gitlab: ["x-gitlab-meta"],
  gitea: ["x-gitea-version", "x-forgejo-version"],
};

const found = new Map<string, ForgeKind>();

/**
 * What kind of forge a host is: by what is configured, by its name, or else by asking it, without any token. What a host has
 * answered once holds for as long as the process runs.
 * @throws {ForgeError} `forge-unknown` when it answers as none of them, `unreachable` when it does not answer.
 */
export async function forgeKindOf(
  host: string,
  configured?: ForgeSettings,
  timing?: Partial<WireTiming>,
  network?: Network,
): Promise<ForgeKind> {
  const name = checkedHost(host);
  const settings = settingsOf(configured, name);
  const certain = settings?.kind ?? knownForgeKind(name) ?? found.get(name);
  if (certain !== undefined) return certain;
  const kinds: readonly ForgeKind[] = ["gitea", "gitlab", "github"];
  const answers = await Promise.all(
    kinds.map((kind) => probe(kind, name, { http: settings?.http, timing, network })),
  );
  const matching = kinds.filter((_, index) => answers[index] === true);
  const [kind, ...others] = matching;
  if (kind !== undefined && others.length === 0) {
    found.set(name, kind);
    return kind;
  }
  const failure = answers.find((answer) => answer instanceof ForgeError);
  if (failure !== undefined && answers.every((answer) => answer !== false)) throw failure;
  throw new ForgeError("forge-unknown", `nobody says what kind of forge ${name} is`, {
    where: name,
    hint: "configure it as github, gitlab or gitea (which Forgejo is, too)",
  });
}

/** Whether a host answers as this kind does, or why it does not answer. */
async function probe(
  kind: ForgeKind,
  host: string,
  { http, timing, network }: Pick<ForgeOptions, "http" | "timing" | "network">,
): Promise<boolean | ForgeError> {
  const { api } = addressOf(kind, host, http);
  const { path, answer } = probes[kind];
  const wire = openWire({ kind, host, api, network, timing: { answer: 10_000, maxWait: 5_000, ...timing } });
  try {
    await openClient(kind, api, wire).ask(`GET ${path}`, {}, answer);
    return true;
  } catch (error) {
    if (error instanceof ForgeRefusal && error.status < 500) {
      const { headers, status } = error;
      return (status === 401 || status === 403) && signs[kind].some((sign) => headers.has(sign));
    }
    if (error instanceof ForgeError && error.code === "unreachable") return error;
    if (error instanceof ForgeError) return false;
    throw error;
  }
}
