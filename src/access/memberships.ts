import { grantedRole } from "./may.ts";
import { type AccessSettings, lesserRole, type Principal } from "./model.ts";

/** Forges, as far as they tell who belongs to a group now. */
export interface Memberships {
  /** Whether the forge that people of a provider have their accounts on can be asked about its members at all. */
  canAsk(provider: string): boolean;
  /**
   * Whether an account is a member of an organization, a group or a team now; `undefined` where nobody can tell. Throws nothing.
   * @param account Its name, and what the provider calls it for good: a name may be somebody else's by now.
   */
  isMember(
    provider: string,
    account: { readonly login: string; readonly subject: string },
    group: string,
  ): Promise<boolean | undefined>;
}

/** Milliseconds for which what a login has told of groups is as good as asking. */
const loginFresh = 2 * 60_000;

/**
 * Somebody with the groups that are theirs now, of those that are of interest: a role that a team has is a person's for as long as the person
 * is a member of it, whenever they have logged in. What cannot be read now is neither a membership nor none ({@link Principal.unread}).
 * Where no forge can be asked, groups are those of the login.
 * @param groups Beside those that have roles, as they are written in settings, jobs and owners.
 */
export async function withCurrentGroups(
  principal: Principal,
  groups: readonly string[],
  settings: AccessSettings,
  memberships: Memberships | undefined,
  now: Date,
): Promise<Principal> {
  const { account, names, most } = principal;
  if (account === undefined || memberships?.canAsk(account.provider) !== true) return principal;
  if (now.getTime() - account.seenAt.getTime() < loginFresh) return principal;
  const granted = Object.values(settings.roles).flatMap((grant) => grant?.groups ?? []);
  const isFirst = settings.providers[0]?.name === account.provider;
  const current: string[] = [];
  const unread: string[] = [];
  const wanted = new Set([...granted, ...groups].map((group) => group.toLowerCase()));
  await Promise.all(
    [...wanted].map(async (written) => {
      const [provider, name] = written.includes(":") ? written.split(/:(.*)/s) : [undefined, written];
      if (name === undefined || (provider === undefined ? !isFirst : provider !== account.provider)) return;
      const is = await memberships.isMember(account.provider, account, name);
      if (is === true) current.push(written);
      else if (is === undefined) unread.push(written);
    }),
  );
  const role = lesserRole(grantedRole({ names, groups: current }, settings.roles), most);
  return { ...principal, role, groups: current.sort(), unread: unread.sort() };
}
