export { type NotificationPreview, previewTelling, sendDue } from "./deliver.ts";
export { NotificationError, type NotificationErrorCode } from "./errors.ts";
export { notificationsMigrations } from "./migrations.ts";
export * from "./model.ts";
export {
  forgetNotifications,
  type ListedNotification,
  listNotifications,
  type NotificationQuery,
} from "./outbox.ts";
export { listReceivers, type ReceiverState } from "./receivers.ts";
export type { SenderOptions } from "./send/senders.ts";
export { noNotifications, notificationsShape } from "./shape.ts";
export { noteRunEnd, tellChanges } from "./tell.ts";
