/* words.js - what response flags, codes, kinds and evidence mean, in words. */

const FLAGS = {
  LH: "local service failed its health check",
  UH: "no healthy host upstream",
  UT: "upstream took too long",
  LR: "connection reset by the proxy itself",
  UR: "upstream reset the stream",
  UF: "could not connect to upstream",
  UC: "upstream closed the connection",
  UO: "circuit breaker open",
  NR: "no route for this request",
  DI: "delay injected by a fault rule",
  FI: "abort injected by a fault rule",
  RL: "rate limited",
  UAEX: "denied by external authorization",
  RLSE: "rate limit service refused it",
  DC: "the client went away",
  URX: "gave up after the last retry",
  SI: "stream was idle too long",
  IH: "a strictly checked header was invalid",
  DPE: "the client broke the HTTP protocol",
  UMSDR: "stream reached its longest duration",
  RFCF: "answered from a cache",
  NFCF: "filter configuration did not arrive in time",
  DT: "connection reached its longest duration",
  UPE: "upstream broke the HTTP protocol",
  NC: "cluster not found",
  OM: "overload manager ended it",
  DF: "host name could not be resolved",
  DR: "the client reset the stream",
  DO: "dropped to relieve an overloaded endpoint",
  UDO: "every request dropped by the overload policy",
  mirror: "mirrored copy of another request",
};
const HARMLESS = new Set(["DI", "RFCF", "mirror"]);

const HTTP = {
  0: "no answer",
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  425: "Too Early",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Header Fields Too Large",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};
const GRPC = [
  "OK",
  "Cancelled",
  "Unknown",
  "Invalid Argument",
  "Deadline Exceeded",
  "Not Found",
  "Already Exists",
  "Permission Denied",
  "Resource Exhausted",
  "Failed Precondition",
  "Aborted",
  "Out of Range",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "Data Loss",
  "Unauthenticated",
];
const GRPC_ERRORS = new Set([2, 4, 8, 12, 13, 14, 15]);

const KINDS = {
  service: "Service",
  gateway: "Gateway",
  external: "External host",
  database: "Database",
  messaging: "Queue",
  user: "Callers outside the mesh",
  unknown: "Caller that sent nothing itself",
  blocked: "Blocked by the mesh",
};
const HEALTH = {
  healthy: "Healthy",
  degraded: "Degraded",
  failing: "Failing",
  idle: "Idle",
};

export const flagWords = (flag) => FLAGS[flag] ?? "not one of Envoy's own flags";
export const flagIsHarmless = (flag) => HARMLESS.has(flag);
export const httpWords = (code) => HTTP[code] ?? `${String(code)[0]}xx`;
export const httpIsError = (code) => Number(code) === 0 || Math.floor(Number(code) / 100) === 5;
export const grpcWords = (code) => GRPC[code] ?? "unknown status";
export const grpcIsError = (code) => GRPC_ERRORS.has(Number(code));
export const kindWords = (kind) => KINDS[kind] ?? kind;
export const healthWords = (health) => HEALTH[health] ?? health;

/** The version that a node of a graph of versions is; undefined for others. */
export const versionOf = ({ id, versions }) =>
  versions?.find((one) => one && id.endsWith(`@${one}`));

/** A node's name; of a graph of versions with its version, for there several have one name. */
export function nodeTitle(node) {
  const version = versionOf(node);
  return version ? `${node.name} ${version}` : node.name;
}

export const evidenceWords = (list) => list.map((e) => e.replaceAll("_", " ")).join(", ");

/** Class of an error share: quiet below 1 %, amber below 10 %, then crimson. */
export function mood({ requests, errors }) {
  const share = requests ? errors / requests : 0;
  if (share >= 0.1) return "bad-text";
  return share >= 0.01 ? "warn-text" : "quiet-text";
}
