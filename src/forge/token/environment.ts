import type { ForgeKind } from "../forge.ts";
import type { FoundToken } from "./token.ts";

interface Variable {
  readonly name: string;
  readonly hosts: readonly string[];
  /** Variables that name the host, as a host or a URL. Where one of them is set, it says which host is meant. */
  readonly servers: readonly string[];
  /** Whether it is for hosts that are configured as this kind, or named by the user. */
  readonly forOthers: boolean;
}

const variables: Readonly<Record<ForgeKind, readonly Variable[]>> = {
  // As gh has them: https://cli.github.com/manual/gh_help_environment
  github: [
    { name: "GH_TOKEN", hosts: ["github.com"], servers: [], forOthers: false },
    { name: "GITHUB_TOKEN", hosts: ["github.com"], servers: ["GITHUB_SERVER_URL"], forOthers: false },
    { name: "GH_ENTERPRISE_TOKEN", hosts: [], servers: ["GH_HOST"], forOthers: true },
    { name: "GITHUB_ENTERPRISE_TOKEN", hosts: [], servers: ["GH_HOST"], forOthers: true },
  ],
  gitlab: [
    {
      name: "GITLAB_TOKEN",
      hosts: ["gitlab.com"],
      servers: ["CI_SERVER_URL", "CI_SERVER_HOST"],
      forOthers: true,
    },
  ],
  gitea: [
    { name: "GITEA_TOKEN", hosts: ["gitea.com"], servers: ["GITEA_SERVER_URL"], forOthers: true },
    {
      name: "FORGEJO_TOKEN",
      hosts: ["codeberg.org"],
      servers: ["FORGEJO_SERVER_URL", "GITEA_SERVER_URL"],
      forOthers: true,
    },
  ],
};

/** What a place has for a host; without a token, what to say of it. */
export interface LookedUp {
  readonly token: FoundToken | undefined;
  readonly remarks: readonly string[];
}

/** For any kind, but only for a host that the user has named or configured. */
const anyKind: Variable = { name: "WAYBILL_FORGE_TOKEN", hosts: [], servers: [], forOthers: true };

/**
 * The token that the environment has for a host.
 * @param standing Whether the user has named the host, and whether it is configured as a forge of the kind that is asked for.
 */
export function tokenOfEnvironment(
  host: string,
  kind: ForgeKind,
  environment: NodeJS.ProcessEnv,
  { isNamed, isConfigured }: { readonly isNamed: boolean; readonly isConfigured: boolean },
): LookedUp {
  const remarks: string[] = [];
  const usable: string[] = [];
  for (const variable of [anyKind, ...variables[kind]]) {
    const isFor =
      hostsOf(variable, environment).has(host) || (variable.forOthers && (isNamed || isConfigured));
    if (isFor) usable.push(variable.name);
    const value = environment[variable.name]?.trim() ?? "";
    if (value === "") continue;
    if (isFor && isToken(value))
      return { token: { token: value, source: variable.name, warnings: [] }, remarks: [] };
    remarks.push(
      isFor ? `${variable.name} holds no token` : `${variable.name} is not used: ${whose(variable)}`,
    );
  }
  if (kind === "gitlab" && environment.CI_JOB_TOKEN) {
    remarks.push("CI_JOB_TOKEN may not open merge requests: make a project access token with the scope api");
  }
  const first = usable.length === 0 ? `name ${host} yourself, or configure it` : `set ${usable.join(" or ")}`;
  return { token: undefined, remarks: [first, ...remarks] };
}

/** Whether a text can be a token: one word of visible characters. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,4096}$/.test(text);
}

/** Where one of the variables that name its server is set, a token is for that one alone. */
function hostsOf({ hosts, servers }: Variable, environment: NodeJS.ProcessEnv): ReadonlySet<string> {
  const named = servers.flatMap((server) => hostIn(environment[server]) ?? []);
  return new Set(named.length > 0 ? named : hosts);
}

function hostIn(value: string | undefined): string | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const url = /^https?:\/\//i.test(value) ? value : `https://${value}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

function whose({ hosts, servers, forOthers }: Variable): string {
  const for_ = [...hosts, ...servers.map((server) => `the host of ${server}`)];
  if (forOthers) for_.push("hosts that you have named or configured");
  return `it is for ${for_.join(", ")}`;
}
