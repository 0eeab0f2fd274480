import { type ChildProcess, spawn } from "node:child_process";

/**
 * What a process would leave behind if it were killed, and could not clean up itself: a small shell, which ends when this
 * process does, whatever ends it, then kills the process groups it was told of and removes the folders.
 */
const script = `
groups=' '; folders=''
while read -r what value; do
  case $what in
    start) groups="$groups$value " ;;
    end) case $groups in *" $value "*) groups="\${groups%%" $value "*} \${groups#*" $value "}" ;; esac ;;
    made) folders="$folders$value
" ;;
    gone) kept=''; while read -r one; do [ -z "$one" ] || [ "$one" = "$value" ] || kept="$kept$one
"; done <<END
$folders
END
      folders=$kept ;;
  esac
done
for one in $groups; do kill -s KILL -- "-$one" 2>/dev/null; done
case $groups in *[0-9]*) sleep 0.2 ;; esac
while read -r one; do [ -z "$one" ] || rm -rf -- "$one"; done <<END
$folders
END
`;

let shell: ChildProcess | undefined;

/** Tells the watchdog that a process group has begun, or that it has ended. */
export function watchGroup(event: "start" | "end", group: number): void {
  tell(`${event} ${group}`);
}

/** Tells the watchdog of a folder that is to go with this process, or that it has gone. */
export function watchFolder(event: "made" | "gone", folder: string): void {
  if (!folder.includes("\n")) tell(`${event} ${folder}`);
}

function tell(line: string): void {
  if (process.platform === "win32") return;
  shell ??= start();
  shell.stdin?.write(`${line}\n`);
}

function start(): ChildProcess {
  const child = spawn("/bin/sh", ["-c", script], {
    cwd: "/",
    env: process.env.PATH === undefined ? {} : { PATH: process.env.PATH },
    // Ctrl-C goes to all that this process has started in its own group; the watchdog has to outlive it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // Without it builds still work; only what a kill leaves behind stays for the next build to remove.
  child.on("error", () => undefined);
  child.stdin?.on("error", () => undefined);
  child.unref();
  if (child.stdin !== null && "unref" in child.stdin && typeof child.stdin.unref === "function") {
    child.stdin.unref();
  }
  return child;
}
