import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Network } from "../../http/index.ts";
import { defaultSettings, type Settings } from "../../settings/index.ts";
import { RegistryError } from "../errors.ts";
import type { CredentialStore } from "./credential.ts";
import { type DockerConfig, parseDockerConfig } from "./docker-config.ts";
import { readCredentialFile } from "./file.ts";
import { canonicalHost } from "./key.ts";
import { findByRule } from "./rules.ts";
import { type CredentialSources, openCredentialSources } from "./sources.ts";

/** Where credentials come from, apart from the files that these name. */
export interface CredentialOrigins {
  /** Without rules of their own when left out. */
  readonly settings?: Pick<Settings, "credentials"> &
    Partial<Pick<Settings, "identities" | "secretManagers" | "hosts">>;
  readonly environment?: NodeJS.ProcessEnv;
  /** Told of requests for tokens of clouds. */
  readonly trace?: Network["trace"];
  /** The user's home directory; `HOME`, or what the system says, when left out. */
  readonly homeDir?: string;
}

/**
 * The credentials that the user has for other tools. The first source with one for the repository gives it; later
 * ones are not even read:
 *
 * 1. the rules of `waybill.yaml`, of which `anonymous` ends the search;
 * 2. the file named by `REGISTRY_AUTH_FILE` (Podman, Skopeo), which must exist;
 * 3. the JSON in `DOCKER_AUTH_CONFIG` (Docker, GitLab, regclient);
 * 4. `$DOCKER_CONFIG/config.json`, or `~/.docker/config.json`;
 * 5. Podman's `auth.json` in `$XDG_RUNTIME_DIR/containers` (on Linux, without that variable, `/run/containers/UID`),
 *    then in `$XDG_CONFIG_HOME/containers` or `~/.config/containers`.
 *
 * Docker's and Podman's files are read once, when first needed.
 */
export function openCredentials(origins: CredentialOrigins = {}): CredentialStore {
  const { environment = process.env, settings = defaultSettings } = origins;
  return usualCredentials(origins, openCredentialSources({ ...origins, settings, environment }));
}

/** The same, with what rules refer to shared with others. */
export function usualCredentials(origins: CredentialOrigins, sources: CredentialSources): CredentialStore {
  const { environment = process.env, settings = defaultSettings } = origins;
  const files = configSources(environment, origins.homeDir ?? (environment.HOME || homedir()));
  return {
    async lookup(host, path, refused) {
      const canonical = canonicalHost(host);
      const wish = { host: canonical, path, readsOnly: false, refused };
      const ruled = await findByRule(settings.credentials, wish, sources);
      if (ruled !== undefined) return ruled === "anonymous" ? undefined : ruled;
      for (const file of files) {
        const config = await file();
        const credential = await config?.find(canonical, path, sources.askHelper);
        if (credential !== undefined) return credential;
      }
      return undefined;
    },
  };
}

/** How rules are taken that are the only ones. */
export interface RuledOptions {
  readonly sources: CredentialSources;
  /** What rules give is to do no more than read, as far as whoever gives it can narrow it down. */
  readonly readsOnly?: boolean;
}

/** The credentials that rules give, and no other: what no rule is for is asked for by nobody. */
export function ruledCredentials(
  rules: Settings["credentials"],
  { sources, readsOnly = false }: RuledOptions,
): CredentialStore {
  return {
    async lookup(host, path, refused) {
      const ruled = await findByRule(rules, { host: canonicalHost(host), path, readsOnly, refused }, sources);
      return ruled === "anonymous" ? undefined : ruled;
    },
  };
}

/** The file that logins are written to: the first of those above that is one. */
export function loginFile({
  environment = process.env,
  homeDir,
}: Omit<CredentialOrigins, "settings">): ShownFile {
  const home = homeDir ?? (environment.HOME || homedir());
  const named = environment.REGISTRY_AUTH_FILE;
  if (named) return { file: named, shown: named };
  return shownIn(home, join(environment.DOCKER_CONFIG || join(home, ".docker"), "config.json"));
}

/** A file, and how messages name it. */
export interface ShownFile {
  readonly file: string;
  readonly shown: string;
}

function shownIn(home: string, file: string): ShownFile {
  const above = join(home, "/");
  return { file, shown: file.startsWith(above) ? `~${file.slice(above.length - 1)}` : file };
}

type ConfigSource = () => Promise<DockerConfig | undefined>;

function configSources(environment: NodeJS.ProcessEnv, home: string): ConfigSource[] {
  const named = environment.REGISTRY_AUTH_FILE;
  const inline = environment.DOCKER_AUTH_CONFIG;
  const docker = environment.DOCKER_CONFIG || join(home, ".docker");
  const config = absolute(environment.XDG_CONFIG_HOME) ?? join(home, ".config");
  const runtime = podmanRuntimeFile(environment);
  return [
    ...(named ? [fileSource(named, named, "REGISTRY_AUTH_FILE")] : []),
    ...(inline ? [once(async () => parseDockerConfig(inline, "DOCKER_AUTH_CONFIG"))] : []),
    optionalFile(join(docker, "config.json"), home),
    ...(runtime === undefined ? [] : [optionalFile(runtime, home)]),
    optionalFile(join(config, "containers", "auth.json"), home),
  ];
}

function absolute(folder: string | undefined): string | undefined {
  return folder !== undefined && isAbsolute(folder) ? folder : undefined;
}

/** Where `podman login` writes (containers-auth.json(5)); other systems than Linux have no such folder. */
function podmanRuntimeFile(environment: NodeJS.ProcessEnv): string | undefined {
  const folder = absolute(environment.XDG_RUNTIME_DIR);
  if (folder !== undefined) return join(folder, "containers", "auth.json");
  if (process.platform !== "linux" || process.getuid === undefined) return undefined;
  return `/run/containers/${process.getuid()}/auth.json`;
}

function optionalFile(path: string, home: string): ConfigSource {
  const { file, shown } = shownIn(home, path);
  return fileSource(file, shown);
}

/** @param requiredBy The variable that names the file: then it has to be there. */
function fileSource(file: string, shown: string, requiredBy?: string): ConfigSource {
  return once(async () => {
    const text = await readCredentialFile(file, shown);
    if (text !== undefined) return parseDockerConfig(text, shown);
    if (requiredBy === undefined) return undefined;
    throw new RegistryError("credential-source", `the file that ${requiredBy} names does not exist`, {
      where: file,
      hint: `create it by logging in, or unset ${requiredBy}`,
    });
  });
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
