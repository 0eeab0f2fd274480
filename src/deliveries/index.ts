export {
  acceptDelivery,
  deliveryChannel,
  forgetDeliveries,
  listDeliveries,
  processDeliveries,
  type StoredDelivery,
} from "./deliveries.ts";
export { deliveriesMigrations } from "./migrations.ts";
