import { isAbsolute, join } from "node:path";
import { load } from "js-yaml";
import * as z from "zod/mini";
import { ForgeError } from "../errors.ts";
import type { ForgeKind } from "../forge.ts";
import { isToken, type LookedUp } from "./environment.ts";
import { readFileIfThere } from "./file.ts";

interface CommandLine {
  readonly file: (environment: NodeJS.ProcessEnv, home: string) => string;
  /** The token for a host in what the file holds; `null` when it knows the host and keeps the token elsewhere. */
  readonly tokenIn: (content: unknown, host: string) => string | null | undefined;
  readonly login: (host: string) => string;
  /** How to get at a token that is kept elsewhere. */
  readonly elsewhere: (host: string) => string;
}

const text = z.nullish(z.string());
const ghSchema = z.record(z.string(), z.nullish(z.object({ oauth_token: text })));
const glabSchema = z.object({ hosts: z.record(z.string(), z.nullish(z.object({ token: text }))) });
const teaSchema = z.object({ logins: z.array(z.object({ url: z.string(), token: text })) });

const commandLines: Readonly<Record<ForgeKind, CommandLine>> = {
  github: {
    file: (environment, home) =>
      join(environment.GH_CONFIG_DIR || join(configHome(environment, home), "gh"), "hosts.yml"),
    tokenIn(content, host) {
      const hosts = ghSchema.safeParse(content);
      if (!hosts.success || !Object.hasOwn(hosts.data, host)) return undefined;
      return hosts.data[host]?.oauth_token ?? null;
    },
    login: (host) => `gh auth login --hostname ${host}`,
    elsewhere: (host) => `gh keeps it in the keyring: GH_TOKEN=$(gh auth token --hostname ${host})`,
  },
  gitlab: {
    file: (environment, home) =>
      join(environment.GLAB_CONFIG_DIR || join(configHome(environment, home), "glab-cli"), "config.yml"),
    tokenIn(content, host) {
      const config = glabSchema.safeParse(content);
      if (!config.success || !Object.hasOwn(config.data.hosts, host)) return undefined;
      return config.data.hosts[host]?.token || null;
    },
    login: (host) => `glab auth login --hostname ${host}`,
    elsewhere: (host) => `glab knows ${host} without a token: glab auth login --hostname ${host}`,
  },
  gitea: {
    file: (environment, home) => join(configHome(environment, home), "tea", "config.yml"),
    tokenIn(content, host) {
      const config = teaSchema.safeParse(content);
      if (!config.success) return undefined;
      const login = config.data.logins.find(({ url }) => URL.canParse(url) && new URL(url).host === host);
      return login === undefined ? undefined : login.token || null;
    },
    login: (host) => `tea login add --url https://${host}`,
    elsewhere: (host) => `tea knows ${host} without a token: tea login add --url https://${host}`,
  },
};

/**
 * The token that gh, glab or tea has stored for a host. Their files are read, and no program is run.
 */
export async function tokenOfCommandLine(
  host: string,
  kind: ForgeKind,
  environment: NodeJS.ProcessEnv,
  home: string,
): Promise<LookedUp> {
  const { file, tokenIn, login, elsewhere } = commandLines[kind];
  const path = file(environment, home);
  const nothing = (remark: string): LookedUp => ({ token: undefined, remarks: [remark] });
  try {
    const found = await readFileIfThere(path);
    const token = found === undefined ? undefined : tokenIn(load(withoutNullTags(found.text)), host);
    if (found === undefined || token === undefined) return nothing(`or: ${login(host)}`);
    if (token === null) return nothing(elsewhere(host));
    if (!isToken(token)) return nothing(`${path} holds no token for ${host}: ${login(host)}`);
    const isOpen = found.readableBy === "everybody";
    const warnings = isOpen ? [`everybody on this machine can read the token in ${path}: chmod 600 it`] : [];
    return { token: { token, source: path, warnings }, remarks: [] };
  } catch (error) {
    if (error instanceof ForgeError) return nothing(`${path}: ${error.message}`);
    // What the parser says of it would quote it.
    return nothing(`${path} is no YAML that could be read`);
  }
}

/** glab writes `token: !!null glpat-…`, which it reads as a text, and no other parser does. */
function withoutNullTags(yaml: string): string {
  return yaml.replaceAll(/^(\s*token:\s+)!!null\s+(?=\S)/gm, "$1");
}

/** XDG Base Directory Specification: a variable that is empty or relative counts as unset. */
function configHome(environment: NodeJS.ProcessEnv, home: string): string {
  const named = environment.XDG_CONFIG_HOME;
  return named !== undefined && isAbsolute(named) ? named : join(home, ".config");
}
