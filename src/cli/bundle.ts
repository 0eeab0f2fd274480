import { bundleCreate } from "./bundle-create.ts";
import { bundleLoad } from "./bundle-load.ts";
import { family } from "./verb.ts";

export const bundle = family({
  name: "bundle",
  summary: "images in one file, for sites that no network reaches",
  examples: [
    ["waybill bundle create --out app.tar quay.io/team/app:v1", "make it where the images are"],
    ["waybill bundle load app.tar --to registry.inside.example.com", "bring them in on the other side"],
  ],
  page: "air-gapped.md",
  below: [bundleCreate, bundleLoad],
});
