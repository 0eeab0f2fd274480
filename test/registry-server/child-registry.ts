import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Running, start } from "../support/child.ts";
import { compileSources } from "../support/compiled.ts";

/** A registry in a process of its own; its first line of output is its URL. */
export async function startRegistryProcess(dir: string, wrap: Wrap = asItIs): Promise<Running> {
  const door = pathToFileURL(join(await compileSources(), "registry-server", "index.js"));
  const script = `
    import { startRegistryServer } from ${JSON.stringify(door.href)};
    const server = await startRegistryServer({ dir: ${JSON.stringify(dir)} });
    console.log(server.url);
  `;
  const [program, args] = wrap(process.execPath, ["--input-type=module", "--eval", script]);
  return start(program, args);
}

/** Runs a program through another one. */
export type Wrap = (program: string, args: readonly string[]) => [program: string, args: readonly string[]];

const asItIs: Wrap = (program, args) => [program, args];

/** Runs a program in a shell, after the preparation. */
export function afterShell(preparation: string): Wrap {
  return (program, args) => ["sh", ["-c", `${preparation}; exec "$@"`, "sh", program, ...args]];
}
