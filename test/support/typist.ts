import { executable } from "./built.ts";
import { outputOf } from "./child.ts";

/** Types answers at a terminal when their questions come, and prints all that came back. */
const typist = `
import os, pty, sys, json
line, answers = json.loads(sys.argv[1]), json.loads(sys.argv[2])
child, terminal = pty.fork()
if child == 0:
    os.execvp(line[0], line)
said = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    said += piece
    if answers and answers[0][0].encode() in said:
        os.write(terminal, answers.pop(0)[1].encode())
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps({"status": status, "said": said.decode(errors="replace")}))
`;

/**
 * Runs a line of `waybill` at a terminal of its own, where somebody types an answer to each question when it comes. It takes
 * `python3`.
 */
export async function typeAnswers(
  line: readonly string[],
  env: NodeJS.ProcessEnv,
  answers: readonly (readonly [question: string, answer: string])[],
): Promise<{ readonly status: number; readonly said: string }> {
  const command = [process.execPath, executable("waybill"), ...line];
  const words = ["-c", typist, JSON.stringify(command), JSON.stringify(answers)];
  return JSON.parse(await outputOf("python3", words, { ...env, TERM: "xterm", CI: "" }));
}
