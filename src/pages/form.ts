/** Bytes of a form. */
const maxForm = 16 * 1024;

/** The fields of a form, each with its last value; none of what is no form, or larger than those of ours can be. */
export async function formOf(request: Request): Promise<ReadonlyMap<string, string>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type)) return new Map();
  if (Number(request.headers.get("content-length") ?? Number.NaN) <= maxForm) {
    return new Map(new URLSearchParams(await request.text()));
  }
  return new Map();
}
