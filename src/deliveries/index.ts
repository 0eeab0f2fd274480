export {
  acceptDelivery,
  type DeliveryQuery,
  deliveryChannel,
  forgetDeliveries,
  type KeptDelivery,
  listDeliveries,
  processDeliveries,
  repeatDelivery,
  type StoredDelivery,
} from "./deliveries.ts";
export { openIntake } from "./intake.ts";
export { deliveriesMigrations } from "./migrations.ts";
