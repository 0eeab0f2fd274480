import type { Shell } from "./completion-script.ts";
import { exitCodes } from "./exit-codes.ts";
import { deliver } from "./output.ts";
import { type Blank, family, type Verb, verb } from "./verb.ts";

export const completion = family({
  name: "completion",
  summary: "print a completion script for a shell",
  examples: [
    ["source <(waybill completion bash)", "in ~/.bashrc"],
    ["source <(waybill completion zsh)", "in ~/.zshrc, after compinit"],
    ["waybill completion fish > ~/.config/fish/completions/waybill.fish", "once, for fish"],
  ],
  below: [scriptFor("bash"), scriptFor("zsh"), scriptFor("fish")],
});

function scriptFor(shell: Shell): Verb {
  return verb({
    name: shell,
    summary: `print the script for ${shell}`,
    examples: [],
    forms: ["text"],
    define: (command: Blank) => command,
    run: async (session) => {
      const { completionScript } = await import("./completion-script.ts");
      const script = completionScript(session.program, shell);
      await deliver(session, { text: (terminal) => terminal.write(script) });
      return exitCodes.asDesired;
    },
  });
}
