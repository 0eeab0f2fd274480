import { z } from "zod";
import { settingsSchema } from "./schema.ts";

/** The JSON Schema of `waybill.yaml` for editors: what `waybill.schema.json` of the package holds. */
export function settingsJsonSchema(): object {
  return z.toJSONSchema(settingsSchema("/"), { io: "input" });
}
