import { isLoopbackHost } from "../http/index.ts";
import {
  described,
  flag,
  list,
  made,
  mapping,
  record,
  required,
  type Shape,
  text,
  type ValueFault,
  word,
} from "../schema/index.ts";
import type { SecretSetting } from "../secrets/index.ts";
import { secretReference } from "../settings/index.ts";
import { boundBy } from "./machines/machines.ts";
import {
  type AccessSettings,
  closedAccess,
  type Grant,
  type MachineTrust,
  type ProviderSettings,
  roles,
} from "./model.ts";

/** What may stand below `access:` in the settings of a server. @param path A file, made absolute. */
export function accessShape(path: Shape<string>): Shape<AccessSettings> {
  const whole = mapping(
    "access",
    {
      anonymousReading: described(flag, "Everybody may read runs, jobs and logs, whoever it is."),
      roles: described(
        mapping("roles", { reader: grant, runner: grant, releaser: grant, admin: grant }),
        "Who has which role; each may all that those before it may.",
      ),
      owners: described(
        word(roles),
        "What those may do with a job who may approve its file by OWNERS; nothing without it.",
      ),
      login: described(
        record(provider(path), nameFault),
        "Who vouches for people, by the name that it has here. Names of users without one are those of the first.",
      ),
      adminTokenFile: described(path, "File that holds the token of an admin, who needs no login."),
      machines: described(
        record(machine, nameFault),
        "Jobs of CI systems that get a token for 15 minutes for showing who they are.",
      ),
    },
    { skipsEmpty: true },
  );
  return made(whole, ({ login = {}, machines = {}, ...written }) => ({
    ...closedAccess,
    ...written,
    providers: Object.entries(login).map(([name, entry]) => ({ name, ...entry })),
    machines: Object.entries(machines).map(([name, entry]) => ({ name, ...entry })),
  }));
}

function nameFault(name: string): ValueFault | undefined {
  if (/^[a-z0-9][a-z0-9.-]{0,63}$/.test(name)) return undefined;
  return { fault: "a name is lower case letters, digits, dots and dashes, 64 at most" };
}

const names = (description: string): Shape<readonly string[]> =>
  described(
    list(text((name) => (/^[^\s,]{1,200}$/u.test(name) ? undefined : "expected a name without spaces"))),
    description,
  );

const grant: Shape<Grant> = mapping("a role", {
  everyone: described(flag, "Everybody who has logged in."),
  users: names("Logins; provider:login of another provider than the first, provider:#ID of an account."),
  groups: names("Groups and organizations, or teams as org/team; provider:group of another provider."),
});

const jobs = names("The only jobs that it may do anything to; all without it.");

function origin(description: string): Shape<string> {
  const check = (written: string): ValueFault | undefined => {
    const url = URL.canParse(written) ? new URL(written) : undefined;
    const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
    if (isSafe && url?.username === "" && url.hash === "" && url.search === "") return undefined;
    return { fault: "expected the address of an issuer", hint: "such as https://accounts.example.com" };
  };
  return text(check, { type: "string", pattern: "^https?://[^@?#]+$", description });
}

const secretKeys = ["clientSecretFile", "clientSecretEnv", "clientSecretFrom"];

type Written<Entry> = Omit<Entry, "name">;

function provider(path: Shape<string>): Shape<Written<ProviderSettings>> {
  const shape = mapping(
    "a provider",
    {
      kind: described(
        word(["openid", "github"]),
        "How it speaks: OpenID Connect, as GitLab, Gitea, Forgejo and Keycloak do, or GitHub's OAuth.",
      ),
      issuer: origin("The issuer, exactly as it names itself; https://github.com by default for github."),
      clientId: required(described(text(), "The client's id that the provider has given.")),
      clientSecretFile: described(path, "File that holds the client's secret alone."),
      clientSecretEnv: described(
        text((name) =>
          /^[A-Za-z_]\w*$/.test(name) ? undefined : "expected the name of an environment variable",
        ),
        "Environment variable that holds the client's secret.",
      ),
      clientSecretFrom: described(
        secretReference,
        "Where else the client's secret is kept: MANAGER:PATH#FIELD, file:PATH or env:NAME.",
      ),
      groupsClaim: described(text(), "The claim that lists a person's groups; groups by default."),
      scopes: described(list(text()), "Scopes beside openid and profile, such as groups."),
    },
    {
      check: ({ known }, node, { findings }) => {
        if (secretKeys.filter((key) => known.has(key)).length === 1) return;
        findings.report("invalid-value", node.start, `expected exactly one of: ${secretKeys.join(", ")}`);
      },
      advice: (key) =>
        /secret/i.test(key)
          ? "no secret may stand in this file: name its file with clientSecretFile"
          : undefined,
    },
  );
  return made(
    shape,
    (
      { kind = "openid", issuer, clientSecretFile, clientSecretEnv, clientSecretFrom, ...rest },
      node,
      reading,
    ) => {
      const named = issuer ?? (kind === "github" ? "https://github.com" : undefined);
      if (named === undefined) {
        reading.findings.report("missing-key", node.start, "issuer is missing");
        return undefined;
      }
      const clientSecret: SecretSetting = {
        ...{ file: clientSecretFile, variable: clientSecretEnv, reference: clientSecretFrom },
      };
      return { ...rest, kind, issuer: named, clientSecret };
    },
  );
}

const machine: Shape<Written<MachineTrust>> = made(
  mapping("a CI system's jobs", {
    kind: required(described(word(["github", "gitlab"]), "Whose tokens they are.")),
    issuer: origin("The issuer of the tokens; GitHub's and GitLab's own by default."),
    audience: required(
      described(text(), "What the job asks its token for; the server's address, for example."),
    ),
    claims: required(
      described(
        record(text()),
        "Claims of the token, each with its only value; repository_id or project_id has to be one of them.",
      ),
    ),
    role: required(described(word(roles), "What the token may do.")),
    jobs,
  }),
  ({ issuer, ...rest }, node, { findings }) => {
    const needed = boundBy[rest.kind];
    if (!Object.hasOwn(rest.claims, needed)) {
      findings.report(
        "missing-key",
        node.start,
        `${needed} is missing in claims`,
        "names can be given to others",
      );
      return undefined;
    }
    return { ...rest, issuer: issuer ?? usualIssuers[rest.kind] };
  },
);

const usualIssuers = {
  github: "https://token.actions.githubusercontent.com",
  gitlab: "https://gitlab.com",
} as const;
