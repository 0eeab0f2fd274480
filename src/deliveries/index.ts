export {
  acceptDelivery,
  deliveryChannel,
  forgetDeliveries,
  type KeptDelivery,
  listDeliveries,
  processDeliveries,
  type StoredDelivery,
} from "./deliveries.ts";
export { openIntake } from "./intake.ts";
export { deliveriesMigrations } from "./migrations.ts";
