import { withSettings } from "./environment.ts";
import { GitError } from "./errors.ts";
import { runGit } from "./program.ts";

interface Setting {
  readonly key: string;
  readonly value: string;
  readonly isOfCheckout: boolean;
}

/**
 * What a checkout may say of itself: how its files are stored, compared and shown, and where it comes from. Everything else
 * that it says in words is taken back, whether it is known to name a program or not.
 */
const harmless = [
  /^(?:advice|apply|blame|branch|checkout|clean|color|column|commit|core|diff|fetch|format|gc|grep|i18n|index|init|log)\.[^.]+$/,
  /^(?:merge|notes|pack|pull|push|rebase|repack|rerere|stash|status|submodule|tag|transfer|user|versionsort|worktree)\.[^.]+$/,
  /^(?:extensions\..*|branch\..*|color\..*|remote\..*\.(?:url|fetch|tagopt)|submodule\..*\.(?:url|path|ignore|branch))$/,
];

/** Of those, what has a program run, or has files of elsewhere be taken for its own. */
const harmful =
  /(?:command|askpass|editor|pager|proxy|program|helper|hook|external|tool|exec|template|fsmonitor)/;

/** Switches and numbers name no program. */
const plainValue = /^(?:true|false|yes|no|on|off|auto|always|never|[+-]?\d+[kmg]?)$/i;

/** Sections whose every word is a program. */
const neverPlain = /^(?:alias|credential|filter|pager)\./;

/**
 * What no empty value takes back, and what is no matter where no host is reached: other names of places, and files that are
 * read beside, whose own settings are listed like all others.
 */
const ofNoMatter = /^(?:url|include|includeif)\./;

/** Settings that may be taken back: an environment has an end. */
const maxTakenBack = 1_000;

/** What is run where nothing else is configured, of the keys that no empty value takes back. */
const usual = new Map([
  ["core.sshcommand", "ssh"],
  ["gpg.format", "openpgp"],
  ["gpg.program", "gpg"],
  ["gpg.openpgp.program", "gpg"],
  ["gpg.x509.program", "gpgsm"],
  ["gpg.ssh.program", "ssh-keygen"],
]);

/**
 * An environment in which Git does not heed what a checkout has configured, as far as it could have something run. What the
 * user and the system have configured stays: it is theirs, and says which folders are trusted. A checkout's own configuration
 * comes with it, in an archive for example, and is nobody's choice.
 */
export async function withoutForeignSettings(
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<NodeJS.ProcessEnv> {
  const words = ["config", "--list", "--show-scope", "--includes", "--null"];
  const { code, stdout } = await runGit(folder, words, environment);
  // Where there is no repository, or one that is not trusted, whoever asked for it is told by the next run.
  if (code !== 0) return environment;
  const settings = takenBack(settingsIn(stdout));
  if (settings.length <= maxTakenBack) return withSettings(environment, settings);
  throw new GitError("git-failed", "the checkout's own configuration is too long", {
    where: folder,
    hint: "git config --local --list shows it; a fresh clone has none of it",
  });
}

function settingsIn(text: string): readonly Setting[] {
  const fields = text.split("\0");
  const settings: Setting[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [key = "", ...lines] = (fields[at + 1] ?? "").split("\n");
    const scope = fields[at] ?? "";
    // A key without any value is a switch that is on.
    const value = lines.length === 0 ? "true" : lines.join("\n");
    settings.push({ key, value, isOfCheckout: scope === "local" || scope === "worktree" });
  }
  return settings;
}

/** For each key that a checkout has set what it is without that; as a list, because some keys have several values. */
function takenBack(settings: readonly Setting[]): readonly (readonly [string, string])[] {
  const foreign = new Set(
    settings.filter((setting) => setting.isOfCheckout && !isHarmless(setting)).map(({ key }) => key),
  );
  return [...foreign].flatMap((key) => {
    const own = settings.filter((setting) => setting.key === key && !setting.isOfCheckout);
    const values = own.map(({ value }) => value);
    // The last one counts of most keys; of lists, an empty one takes back those before it.
    return ["", ...(values.length > 0 ? values : [usual.get(key) ?? ""])].map(
      (value) => [key, value] as const,
    );
  });
}

function isHarmless({ key, value }: Setting): boolean {
  if (ofNoMatter.test(key)) return true;
  if (plainValue.test(value) && !neverPlain.test(key)) return true;
  return harmless.some((pattern) => pattern.test(key)) && !harmful.test(key);
}
