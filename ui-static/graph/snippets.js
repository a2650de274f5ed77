/* snippets.js - the shortest working settings of each sender; `at` is {host, grpc, http} of this weft. */

/* An IPv6 address stands alone here: its brackets belong to the port. */
const splitAddress = (address) => {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at).replace(/^\[(.*)\]$/, "$1"), port: address.slice(at + 1) };
};

const istio = ({ grpc }) => {
  const { host, port } = splitAddress(grpc);
  return `
# MeshConfig, for example: istioctl install -f this-file
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  meshConfig:
    enableTracing: true
    extensionProviders:
    - name: weft
      opentelemetry: { service: ${host}, port: ${port} }
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: weft, namespace: istio-system }
spec:
  tracing:
  - providers: [ { name: weft } ]
    randomSamplingPercentage: 100
`;
};

const provider = (cluster) => `{ "name": "envoy.tracers.opentelemetry", "typed_config": {
    "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
    "grpc_service": { "envoy_grpc": { "cluster_name": "${cluster}" } }, "service_name": "mesh" } }`;

const consul = ({ grpc }) => {
  const { host, port } = splitAddress(grpc);
  return `
# consul config write this-file.hcl
Kind = "proxy-defaults"
Name = "global"
Config {
  envoy_extra_static_clusters_json = <<EOF
{ "name": "weft", "type": "STRICT_DNS", "connect_timeout": "3s",
  "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "explicit_http_config": { "http2_protocol_options": {} } } },
  "load_assignment": { "cluster_name": "weft", "endpoints": [ { "lb_endpoints": [ { "endpoint": {
    "address": { "socket_address": { "address": "${host}", "port_value": ${port} } } } } ] } ] } }
EOF
  envoy_listener_tracing_json = <<EOF
{ "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing",
  "random_sampling": { "value": 100 },
  "provider": ${provider("weft")} }
EOF
}
`;
};

const linkerd = ({ grpc }) => `
helm upgrade linkerd-control-plane linkerd-edge/linkerd-control-plane -n linkerd --reuse-values \\
  --set proxy.tracing.enabled=true \\
  --set proxy.tracing.collector.endpoint=${grpc} \\
  --set proxy.tracing.collector.meshIdentity.serviceAccountName=weft \\
  --set proxy.tracing.collector.meshIdentity.namespace=weft
`;

const envoy = ({ grpc }) => {
  const { host, port } = splitAddress(grpc);
  return `
# inside the HTTP connection manager
tracing:
  random_sampling: { value: 100 }
  provider:
    name: envoy.tracers.opentelemetry
    typed_config:
      "@type": type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig
      grpc_service: { envoy_grpc: { cluster_name: weft } }
      service_name: front-proxy
# among static_resources.clusters
- name: weft
  type: STRICT_DNS
  connect_timeout: 3s
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
      explicit_http_config: { http2_protocol_options: {} }
  load_assignment:
    cluster_name: weft
    endpoints:
    - lb_endpoints:
      - endpoint: { address: { socket_address: { address: ${host}, port_value: ${port} } } }
`;
};

const nginx = ({ grpc }) => `
load_module modules/ngx_otel_module.so;
http {
  otel_exporter { endpoint ${grpc}; }
  otel_service_name edge;
  otel_trace on;
  otel_trace_context propagate;
}
`;

const caddy = ({ http }) => `
# environment of Caddy
OTEL_EXPORTER_OTLP_ENDPOINT=${http}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
OTEL_SERVICE_NAME=caddy

# Caddyfile
example.com {
  tracing {
    span edge
  }
  reverse_proxy app:8080
}
`;

const traefik = ({ grpc }) => `
# traefik.yml
tracing:
  serviceName: edge
  sampleRate: 1.0
  otlp:
    grpc:
      endpoint: ${grpc}
      insecure: true
`;

const sdk = ({ http }) => `
OTEL_TRACES_EXPORTER=otlp
OTEL_EXPORTER_OTLP_ENDPOINT=${http}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
OTEL_SERVICE_NAME=cart
OTEL_RESOURCE_ATTRIBUTES=service.namespace=shop,service.version=v1
`;

const collector = ({ grpc }) => `
exporters:
  otlp/weft:
    endpoint: ${grpc}
    tls: { insecure: true }
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp/weft]
`;

const hex = (digits) =>
  Array.from(crypto.getRandomValues(new Uint8Array(digits / 2)), (b) =>
    b.toString(16).padStart(2, "0"),
  ).join("");

const curl = ({ http }) => `
now=$(date +%s)
curl -sS ${http}/v1/traces -H 'Content-Type: application/json' -d '{"resourceSpans":[{
  "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"hello"}}]},
  "scopeSpans":[{"spans":[{"traceId":"${hex(32)}","spanId":"${hex(16)}","name":"GET /","kind":2,
    "startTimeUnixNano":"'$now'000000000","endTimeUnixNano":"'$now'012000000"}]}]}]}'
`;

export const SNIPPETS = [
  {
    name: "Istio",
    text: istio,
    words:
      "Inside the cluster the service's port must be named grpc-otlp (or carry appProtocol: grpc); a host outside of it needs a ServiceEntry.",
  },
  {
    name: "Consul",
    text: consul,
    words:
      "Proxies take it on their next start; the service needs protocol http or grpc to be traced.",
  },
  {
    name: "Linkerd",
    text: linkerd,
    words:
      "Applications must start the traces; weft's pod must be injected, under the service account named here.",
  },
  { name: "Envoy", text: envoy, words: "Spans go out at five a worker, or after five seconds." },
  {
    name: "nginx",
    text: nginx,
    words: "Needs the module nginx-otel; spans go out every five seconds.",
  },
  {
    name: "Caddy",
    text: caddy,
    words: "Caddy speaks OTLP/HTTP unless told otherwise, so it goes to the HTTP port.",
  },
  { name: "Traefik", text: traefik, words: "Traefik v3; restart it after the change." },
  {
    name: "OpenTelemetry SDK",
    text: sdk,
    words: "Environment of the application; every language's SDK reads these names.",
  },
  { name: "Collector", text: collector, words: "Beside the exporters that are there already." },
  { name: "curl", text: curl, words: "One span by hand, to see that it works." },
];
