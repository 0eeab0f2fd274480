import type { AccessSettings, Memberships } from "../access/index.ts";
import { connectForge, knownForgeKind, type Members } from "../forge/index.ts";
import { networkOf } from "../work/index.ts";
import type { ServeOptions } from "./options.ts";

/** Milliseconds that somebody who asks for something is kept waiting: a forge that has not answered by then has not told. */
const patience = 5_000;
/** Milliseconds after which a forge and its token are looked for anew. */
const believedFor = 10 * 60_000;
/** Milliseconds for which it is believed whose a name is. */
const accountBelievedFor = 2 * 60_000;
const maxAccounts = 10_000;

type Asked = Awaited<ReturnType<typeof connectForge>>["forge"];

/**
 * Whether people belong to the groups of the forges that they log in with. A provider is on a forge where its host is one that is known by
 * name or by the settings; a forge for which this process has no token tells nobody's memberships.
 */
export function openMemberships(
  {
    settings,
    environment,
    credentialSources,
    access,
  }: Pick<ServeOptions, "settings" | "environment" | "access"> &
    Partial<Pick<ServeOptions, "credentialSources">>,
  members: Members,
  onProblem: (error: unknown) => void,
): Memberships {
  const hosts = new Map(
    access.providers.flatMap((provider) => {
      const host = forgeHostOf(provider, settings.forges);
      return host === undefined ? [] : [[provider.name, host] as const];
    }),
  );
  const opened = new Map<string, { readonly forge: Promise<Asked | undefined>; readonly until: number }>();
  const forgeAt = (host: string, org: string): Promise<Asked | undefined> => {
    const key = `${host}/${org}`;
    const known = opened.get(key);
    if (known !== undefined && known.until > performance.now()) return known.forge;
    const timing = { answer: patience, maxWait: 0 };
    const options = { settings: settings.forges, environment, network: networkOf({ settings, environment }) };
    const readSecret =
      credentialSources && ((reference: string) => credentialSources.secrets.read({ reference }));
    const forge = connectForge(
      { host, path: org },
      { ...options, ...({ readOnly: true, purpose: "reading" } as const), timing, readSecret },
    ).then(({ forge, token }) => (token === undefined ? undefined : forge));
    opened.set(key, { forge, until: performance.now() + believedFor });
    forge.catch(() => opened.delete(key));
    return forge;
  };
  const accounts = new Map<
    string,
    { readonly account: Promise<string | undefined>; readonly until: number }
  >();
  /** Whose a name is, asked for no more often than who is a member: each request of a person's comes here. */
  const accountAt = (forge: Asked, host: string, login: string): Promise<string | undefined> => {
    const key = `${host}/${login.toLowerCase()}`;
    const known = accounts.get(key);
    if (known !== undefined && known.until > performance.now()) return known.account;
    const account = forge.accountOf(login);
    accounts.delete(key);
    accounts.set(key, { account, until: performance.now() + accountBelievedFor });
    for (const oldest of accounts.keys()) if (accounts.size > maxAccounts) accounts.delete(oldest);
    account.catch(() => accounts.delete(key));
    return account;
  };
  const ask = async (
    host: string,
    { login, subject }: { readonly login: string; readonly subject: string },
    group: string,
  ): Promise<boolean | undefined> => {
    const forge = await forgeAt(host, group.split("/", 1)[0] ?? "");
    if (forge === undefined) return undefined;
    const is = await members.of(forge).isMember(login, group);
    // The name may have been given to somebody else since the login.
    return is === true ? (await accountAt(forge, host, login)) === subject : is;
  };
  return {
    canAsk: (provider) => hosts.has(provider),
    async isMember(provider, account, group) {
      const host = hosts.get(provider);
      if (host === undefined) return undefined;
      const asked = ask(host, account, group).catch((error: unknown) => {
        onProblem(error);
        return undefined;
      });
      return within(patience, asked);
    },
  };
}

function forgeHostOf(
  { kind, issuer }: AccessSettings["providers"][number],
  forges: ServeOptions["settings"]["forges"],
): string | undefined {
  const { host } = new URL(issuer);
  const isForge = kind === "github" || Object.hasOwn(forges, host) || knownForgeKind(host) !== undefined;
  return isForge ? host : undefined;
}

async function within<Answer>(milliseconds: number, asked: Promise<Answer>): Promise<Answer | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
