import { WaybillError } from "../errors/index.ts";

/** Text that is no YAML, with the offset of the place where that shows. */
export class YamlSyntaxError extends WaybillError<"yaml-syntax"> {
  override readonly name = "YamlSyntaxError";
  /** Offset in the text. */
  readonly offset: number;

  constructor(message: string, offset: number, hint?: string) {
    super("yaml-syntax", message, { hint });
    this.offset = offset;
  }
}
