import type { SecretSetting } from "../secrets/index.ts";

/** What somebody may do, each role all that those before it may. */
export const roles = ["reader", "runner", "releaser", "admin"] as const;

/**
 * - `reader` sees runs, jobs, logs and the queue.
 * - `runner` starts, repeats and aborts runs, and holds them.
 * - `releaser` also lets go what is held: what reaches production has passed one of these.
 * - `admin` also makes tokens for others, and reads the audit log.
 */
export type Role = (typeof roles)[number];

/** Whether a role is at least another one. */
export function isAtLeast(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && roles.indexOf(role) >= roles.indexOf(needed);
}

/** The lesser of two roles; none where one of them is none. */
export function lesserRole(one: Role | undefined, other: Role | undefined): Role | undefined {
  if (one === undefined || other === undefined) return undefined;
  return isAtLeast(one, other) ? other : one;
}

/** Whoever asks for something. */
export interface Principal {
  readonly kind: "anonymous" | "person" | "machine";
  /** The id of a person or of a token; `anonymous` for nobody in particular. */
  readonly id: string;
  /** For people who read it. */
  readonly name: string;
  /** The greatest role that it has wherever it is not given more by a job. */
  readonly role: Role | undefined;
  /**
   * The names that a person goes by in lists of users, in lower case: `provider:login`, `provider:#subject`, and the bare login
   * where the provider is the first one that is configured. A token of a person's has those of its person.
   */
  readonly names: readonly string[];
  /** Groups, organizations (`org`) and teams (`org/team`), written as names are. */
  readonly groups: readonly string[];
  /** Groups of which nobody can tell now whether they are its own. */
  readonly unread?: readonly string[] | undefined;
  /** The account of a person at a provider, and when it logged in last. */
  readonly account?:
    | { readonly provider: string; readonly login: string; readonly subject: string; readonly seenAt: Date }
    | undefined;
  /** The greatest role that it can be given by a job: what the scope of a token allows. */
  readonly most: Role;
  /** The only jobs that it may do anything to; all without it. */
  readonly jobs?: readonly string[] | undefined;
  /** When the session or token ends that it has shown. */
  readonly endsAt?: Date | undefined;
}

/** Users and groups that have a role, written as {@link Principal.names} are. */
export interface Grant {
  /** Everybody who has logged in. */
  readonly everyone?: boolean | undefined;
  readonly users?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
}

/** Who may repeat a job, whatever their role is: what Prow has as `rerun_auth_config`. */
export interface RerunRule {
  /** Everybody who has logged in. */
  readonly anyone?: boolean | undefined;
  readonly users?: readonly string[] | undefined;
  readonly orgs?: readonly string[] | undefined;
  /** `org/team`, with the team's slug. */
  readonly teams?: readonly string[] | undefined;
}

/** Somebody who vouches for people: an OpenID provider, or GitHub, which has a protocol of its own. */
export interface ProviderSettings {
  /** What it is called in lists of users, and on the page where people log in. */
  readonly name: string;
  readonly kind: "openid" | "github";
  /** The issuer, exactly as it names itself; of GitHub, the address that people see, `https://github.com` by default. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: SecretSetting;
  /** The claim that lists a person's groups; `groups` by default. */
  readonly groupsClaim?: string | undefined;
  /** More scopes than `openid profile`, such as `groups`. */
  readonly scopes?: readonly string[] | undefined;
}

/** A CI system's jobs that get a token for showing who they are. */
export interface MachineTrust {
  readonly name: string;
  readonly kind: "github" | "gitlab";
  /** Exactly as the tokens have it. */
  readonly issuer: string;
  /** What the job has to ask its token for: that of this server, and of nobody else. */
  readonly audience: string;
  /** Claims and the only value that each may have. One of them names the repository by its number. */
  readonly claims: Readonly<Record<string, string>>;
  readonly role: Role;
  readonly jobs?: readonly string[] | undefined;
}

/** Who may do what, as it is configured. */
export interface AccessSettings {
  /** Everybody may read, whoever it is. */
  readonly anonymousReading: boolean;
  readonly roles: Readonly<Partial<Record<Role, Grant>>>;
  /** What those may do with a job who may approve its file by `OWNERS`; nothing without it. */
  readonly owners?: Role | undefined;
  readonly providers: readonly ProviderSettings[];
  readonly machines: readonly MachineTrust[];
  /** Absolute path of the file that holds the token of an admin, who needs no login. */
  readonly adminTokenFile?: string | undefined;
}

/** Nobody but who holds a token may do anything. */
export const closedAccess: AccessSettings = {
  anonymousReading: false,
  roles: {},
  providers: [],
  machines: [],
};
