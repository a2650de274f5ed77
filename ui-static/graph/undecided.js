/* undecided.js - callers that are unknown only because their span is still on its way.
 *
 * Proxies send spans every few seconds, so at any moment some requests were seen by the called side alone. The API shows
 * them as they look now, under `unknown`; a picture that did the same would flicker. Until their wait is over they are
 * counted in a note instead, where another caller of the same server is known. */
import * as api from "../api.js";

const isHalfSeen = (edge) =>
  edge.client === "unknown" && edge.evidence.every((one) => one.startsWith("server"));

function candidates(answer) {
  const named = new Set(
    answer.edges.filter((edge) => edge.client !== "unknown").map((edge) => edge.server),
  );
  return answer.edges.filter((edge) => isHalfSeen(edge) && named.has(edge.server));
}

function without(answer, hidden) {
  const edges = answer.edges.filter((edge) => !hidden.has(edge.id)),
    used = new Set(edges.map((edge) => edge.client));
  return {
    ...answer,
    edges,
    nodes: answer.nodes.filter((node) => node.kind !== "unknown" || used.has(node.id)),
  };
}

/** {shown: the answer to draw, waiting: requests that are left out of it}. `params` are those of the answer's call. */
export async function leaveUndecided(answer, params, signal) {
  const open = candidates(answer);
  if (!open.length) return { shown: answer, waiting: 0 };
  const { last, ...rest } = params,
    closed =
      answer.complete_until > answer.start
        ? await api.graph({ ...rest, start: answer.start, end: answer.complete_until }, signal)
        : { edges: [] };
  const decided = new Set(closed.edges.map((edge) => edge.id)),
    hidden = open.filter((edge) => !decided.has(edge.id));
  return {
    shown: without(answer, new Set(hidden.map((edge) => edge.id))),
    waiting: hidden.reduce((sum, edge) => sum + edge.requests, 0),
  };
}
