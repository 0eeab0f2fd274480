import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { Content } from "../disk/index.ts";
import { UsageError } from "./failure.ts";
import { type OpenResult, resultOpener, type WriteResult } from "./result-file.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

export { asJson } from "../disk/index.ts";

export type Form = "text" | "json" | "markdown" | "sarif" | "junit";

/** A form that somebody asked for; on standard output where no file is named. */
export interface OutputRequest {
  readonly form: Form;
  readonly file: string | undefined;
}

/** What came of a command, in the forms that it has. Each is made where somebody asked for it, and only then. */
export type Result = { readonly text: (terminal: Terminal) => void | Promise<void> } & {
  readonly [Made in Exclude<Form, "text">]?: () => Content;
};

/** Where the result of a command goes: opened before the work begins. */
export interface Outputs {
  readonly printed: Form;
  readonly files: readonly { readonly form: Form; readonly write: WriteResult }[];
  /** Opens where something else goes that the command makes, as a saved plan. */
  readonly open: OpenResult;
}

/** The option that says in which forms the result comes out, for a verb that has some of them. */
export function outputOption(forms: readonly Form[]) {
  const names = forms.length === 1 ? "text" : `${forms.slice(0, -1).join(", ")} or ${forms.at(-1)}`;
  return new Option(
    "-o, --output <format[=file]>",
    "what is printed, or with =FILE what that file gets; repeatable",
  )
    .choices(forms)
    .argParser((text: string, previous: readonly OutputRequest[] | undefined) => {
      const [, name, file] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
      const form = forms.find((each) => each === name);
      if (form === undefined || file === "") {
        throw new InvalidArgumentError(`It is ${names}, or one of them with =FILE.`);
      }
      return [...(previous ?? []), { form, file }];
    });
}

/**
 * Opens all that was asked for. @param isJson Whether `--json` counts, which is `--output json`.
 * @throws {UsageError} when two would be printed, or go to one file; {@link WaybillError} `file-unwritable`.
 */
export async function openOutputs(requests: readonly OutputRequest[], isJson: boolean): Promise<Outputs> {
  const printed = printedForm(requests, isJson);
  const open = resultOpener();
  const files: { form: Form; write: WriteResult }[] = [];
  for (const { form, file } of requests)
    if (file !== undefined) files.push({ form, write: await open(file) });
  return { printed, files, open };
}

/** What standard output gets: text, unless something else was asked for. @throws {UsageError} */
export function printedForm(requests: readonly OutputRequest[], isJson: boolean): Form {
  const asked = requests.filter(({ file }) => file === undefined).map(({ form }) => form);
  const [first = "text", second] = new Set<Form>(isJson ? ["json", ...asked] : asked);
  if (second === undefined) return first;
  throw new UsageError(
    `${first} and ${second} would both be printed`,
    `name a file for one of them: --output ${second}=FILE`,
  );
}

/** Prints a result, and writes it to the files that were named, whatever becomes of the others. @throws {UnwrittenResult} */
export async function deliver(
  { terminal, outputs: { printed, files } }: { readonly terminal: Terminal; readonly outputs: Outputs },
  result: Result,
): Promise<void> {
  if (printed === "text") await result.text(terminal);
  else for (const part of partsOf(await contentOf(result, printed))) terminal.write(part);
  const written = await Promise.allSettled(
    files.map(async ({ form, write }) => write(await contentOf(result, form))),
  );
  for (const each of written) if (each.status === "rejected") throw each.reason;
}

async function contentOf(result: Result, form: Form): Promise<Content> {
  if (form === "text") return textOf(result);
  const make = result[form];
  if (make === undefined) throw new UsageError(`this result has no form ${form}`);
  return make();
}

/** The text as it is printed where there are no colors, and nobody wants all of it. */
async function textOf({ text }: Result): Promise<string> {
  const parts: (string | Uint8Array)[] = [];
  const stdout = { write: (part: string | Uint8Array) => parts.push(part) };
  await text(createTerminal({ stdout, stderr: { write: () => true }, env: {} }, { color: false }));
  return parts.map((part) => Buffer.from(part).toString()).join("");
}

function partsOf(content: Content): Iterable<string | Uint8Array> {
  return typeof content === "string" || content instanceof Uint8Array ? [content] : content;
}
