import { sourceUrl } from "../support/built.ts";
import { type Running, start } from "../support/child.ts";

/** A registry in a process of its own; its first line of output is its URL. */
export async function startRegistryProcess(dir: string, wrap: Wrap = asItIs): Promise<Running> {
  const door = sourceUrl("registry-server/index.ts");
  const script = `
    import { startRegistryServer } from ${JSON.stringify(door)};
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
