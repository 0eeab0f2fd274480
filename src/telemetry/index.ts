export { createMetrics, type Metrics, type MetricsText } from "./metrics.ts";
export { openTracing, type RunSpan, type Tracing } from "./traces.ts";
