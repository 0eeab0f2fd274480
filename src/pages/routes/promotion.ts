import type { Site } from "../site.tsx";
import { promotionCell, promotionPage, promotionPart, promotionRows } from "../views/promotion/page.tsx";

const promotion = "/runs/:id{[0-9]{1,20}}/promotion";

/** What runs promote. */
export function addPromotion(site: Site): void {
  site.page(promotion, (visit, word) => promotionPage(visit, word("id")));
  site.page(`${promotion}/part`, (visit, word) => promotionPart(visit, word("id")));
  site.page(`${promotion}/rows`, (visit, word) => promotionRows(visit, word("id")));
  site.page(`${promotion}/cell`, (visit, word) => promotionCell(visit, word("id")));
}
