/* examples.js - questions to begin with; what they ask for is there as soon as spans are. */

export const EXAMPLES = [
  {
    name: "Requests a second by server",
    text: "sum by (server) (rate(traces_service_graph_request_total[1m]))",
  },
  {
    name: "Share of errors by edge",
    text: "sum by (client, server) (rate(traces_service_graph_request_failed_total[1m])) / sum by (client, server) (rate(traces_service_graph_request_total[1m]))",
  },
  {
    name: "p95 by server and version",
    text: "histogram_quantile(0.95, sum by (server, server_version) (rate(weft_request_duration_seconds[1m])))",
  },
];
