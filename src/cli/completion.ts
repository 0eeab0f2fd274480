import type { Command } from "commander";
import { exitCodes } from "./exit-codes.ts";
import { addExamples } from "./help.ts";
import type { Act } from "./session.ts";

export function defineCompletion(program: Command, act: Act): void {
  const command = program.command("completion").description("print a completion script for a shell");
  addExamples(command, [
    ["source <(waybill completion bash)", "in ~/.bashrc"],
    ["source <(waybill completion zsh)", "in ~/.zshrc, after compinit"],
    ["waybill completion fish > ~/.config/fish/completions/waybill.fish", "once, for fish"],
  ]);
  for (const shell of ["bash", "zsh", "fish"] as const) {
    command
      .command(shell)
      .description(`print the script for ${shell}`)
      .action(
        act(async ({ terminal }) => {
          const { completionScript } = await import("./completion-script.ts");
          terminal.write(completionScript(program, shell));
          return exitCodes.asDesired;
        }),
      );
  }
}
