import { WaybillError } from "../errors/index.ts";

/** Why commands are not obeyed now: `busy`, because another process is at them. */
export type ChatopsErrorCode = "busy";

/** Commands cannot be obeyed now, and will be later. */
export class ChatopsError extends WaybillError<ChatopsErrorCode> {
  override readonly name = "ChatopsError";
}
