import { type Site, seeOther } from "../site.tsx";
import { findPage, placeOf } from "../views/find.tsx";
import { imagePage } from "../views/images/image.tsx";
import { imagesPage } from "../views/images/images.tsx";
import { lifePage } from "../views/images/life.tsx";
import { addressOfImage, nameIn } from "../views/images/names.ts";

/** What somebody looks for, images, and the life of each. */
export function addImages(site: Site): void {
  site.page("/find", async (visit) => {
    const place = await placeOf(visit);
    return place === undefined ? findPage(visit) : seeOther(place);
  });
  site.page("/images", imagesPage);
  site.page("/images/:name{.+}", async (visit) => {
    const { image, tag, digest } = nameIn(visit.url.pathname.slice("/images/".length));
    if (digest !== undefined) return lifePage(visit, { image, digest });
    if (tag === undefined) return imagePage(visit, image);
    const { items } = await visit.api.get<{ readonly items: readonly { readonly digest: string }[] }>(
      "/images/tags",
      { image, tag, limit: "2" },
    );
    const [only, ...others] = items;
    // A tag that has moved is of several images: all of them are shown.
    return only === undefined || others.length > 0
      ? imagePage(visit, image, tag)
      : seeOther(addressOfImage(image, only.digest));
  });
}
