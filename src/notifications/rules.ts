import type { HealthPolicy } from "./health.ts";
import type { JobWishes, NotificationRule, NotificationSettings, Telling } from "./model.ts";

/** A rule that applies to a job, settled. */
export interface AppliedRule {
  readonly name: string;
  readonly when: readonly Telling[];
  readonly policy: HealthPolicy;
  /** Names of receivers, and addresses of mail as `mailto:`. */
  readonly to: readonly string[];
}

const usual: readonly Telling[] = ["failing", "recovered", "waiting"];
/** The rule that a job makes by its own `notify` and `contact`. */
export const ownRule = "job";

/** The rules that apply to a job, its own among them: whom it names is told as those whom the settings name. */
export function rulesFor({ rules }: NotificationSettings, wishes: JobWishes): readonly AppliedRule[] {
  const fitting = rules.filter(({ jobs }) => jobs?.some((glob) => fits(glob, wishes.job)) ?? true);
  const own: readonly NotificationRule[] =
    wishes.to.length + wishes.contact.length === 0
      ? []
      : [{ name: ownRule, to: [...wishes.to, ...wishes.contact.map((address) => `mailto:${address}`)] }];
  return [...fitting, ...own].map(({ name, when, failures, remindAfterSeconds, to }) => ({
    name,
    when: when ?? usual,
    policy: {
      failures: failures ?? wishes.failures ?? 1,
      remindAfter: remindAfterSeconds === undefined ? undefined : remindAfterSeconds * 1000,
    },
    to,
  }));
}

/** Whether a name is one of a pattern in which `*` stands for any characters. */
function fits(glob: string, name: string): boolean {
  const [first = "", ...rest] = glob.split("*");
  if (rest.length === 0) return glob === name;
  if (!name.startsWith(first)) return false;
  const last = rest.at(-1) ?? "";
  let at = first.length;
  for (const part of rest.slice(0, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
