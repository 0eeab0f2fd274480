import { type Command, Option } from "@commander-js/extra-typings";
import type { Shell } from "./completion-script.ts";
import { exitCodes } from "./exit-codes.ts";
import { deliver } from "./output.ts";
import { type Blank, family, type Verb, verb } from "./verb.ts";

export const completion = family({
  name: "completion",
  summary: "print a completion script for a shell",
  examples: [
    ["source <(waybill completion bash)", "in ~/.bashrc"],
    ['eval "$(waybill completion bash)"', "the same for bash 3.2, as macOS has it"],
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
      const script = completionScript(session.program().name(), shell);
      await deliver(session, { text: (terminal) => terminal.write(script) });
      return exitCodes.asDesired;
    },
  });
}

/** What the scripts ask at every press of the key. */
export const complete: Verb = verb({
  name: "complete",
  summary: "say what can stand next on a command line",
  examples: [["waybill complete --shell zsh -- waybill check --pro", "as the script of a shell asks"]],
  forms: ["text"],
  define: (command: Blank) =>
    (command as Command)
      .addOption(
        new Option("--shell <shell>", "who asks").choices(["bash", "zsh", "fish"]).makeOptionMandatory(),
      )
      .argument("<words...>", "the words up to the cursor, the name of the program first"),
  run: async (session, words, { shell }) => {
    const { offerFor } = await import("./completion-words.ts");
    const { formatOffer } = await import("./completion-script.ts");
    try {
      const offer = await offerFor(session.program(), shell, words.slice(1), session.env.HOME);
      session.terminal.write(formatOffer(offer));
    } catch {
      // Whoever presses a key in the middle of a line wants words, or nothing: what is wrong is told when the line is run.
    }
    return exitCodes.asDesired;
  },
});
