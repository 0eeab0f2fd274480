/** What browsers load, by file names; `scripts/assets.ts` makes it. */
declare module "waybill:assets" {
  export const assets: Readonly<Record<string, string>>;
}
