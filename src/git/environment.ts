import { delimiter, isAbsolute } from "node:path";

/** Variables that would have Git look at another repository than that of the folder; hooks are started with them. */
const misleading = new Set([
  ...["GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE"],
  ...["GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY"],
  ...["GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_WORK_TREE"],
]);

/** What Git, and what it needs of the system, are told by variables: who is asking, where files are, who commits. */
const needed =
  /^(?:HOME|USER|LOGNAME|USERNAME|USERPROFILE|HOMEDRIVE|HOMEPATH|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES.*|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|TMPDIR|TEMP|TMP|TZ|LANG|LC_.*|XDG_.*|GNUPGHOME|GPG_TTY|SSH_AUTH_SOCK|SSH_AGENT_PID|GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE)|EMAIL|GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+|PARAMETERS)|GIT_EXEC_PATH|GIT_CEILING_DIRECTORIES|GIT_DISCOVERY_ACROSS_FILESYSTEM|GIT_TEMPLATE_DIR)$/i;

/**
 * The environment of a run of Git: messages in English, no questions, nothing fetched unasked, and programs from the absolute
 * folders of `PATH` alone.
 * @param isWhole Whether everything else stays. Otherwise only what Git needs does: no token and no password.
 */
export function environmentFor(environment: NodeJS.ProcessEnv, isWhole: boolean): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).flatMap(([name, value = ""]): [string, string][] => {
    if (misleading.has(name)) return [];
    if (name.toUpperCase() !== "PATH") return isWhole || needed.test(name) ? [[name, value]] : [];
    const folders = value.split(delimiter).filter((folder) => isAbsolute(folder));
    // An empty PATH would mean the working directory.
    return folders.length === 0 ? [] : [[name, folders.join(delimiter)]];
  });
  return {
    ...Object.fromEntries(kept),
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_PROTOCOL_FROM_USER: "0",
    GIT_NO_LAZY_FETCH: "1",
  };
}

/** An environment in which Git has these settings too, after all others (git-config(1), `GIT_CONFIG_COUNT`). */
export function withSettings(
  environment: NodeJS.ProcessEnv,
  settings: readonly (readonly [key: string, value: string])[],
): NodeJS.ProcessEnv {
  const given = Number.parseInt(environment.GIT_CONFIG_COUNT ?? "0", 10) || 0;
  const pairs = settings.flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${given + at}`, key],
    [`GIT_CONFIG_VALUE_${given + at}`, value],
  ]);
  if (settings.length === 0) return environment;
  return { ...environment, ...Object.fromEntries(pairs), GIT_CONFIG_COUNT: String(given + settings.length) };
}
