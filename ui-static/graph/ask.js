/* ask.js - the question behind the picture. */
import * as api from "../api.js";
import * as state from "../state.js";
import { leaveUndecided } from "./undecided.js";

/** What makes a picture of its own, with places of its own. */
export const pictureKey = (now) =>
  [now.group, now.mode, now.ns, now.protocol, now.min, now.focus, now.depth].join("|");

function graphParams(now) {
  const params = { ...state.rangeParams(now), group: now.group, view: now.mode };
  if (now.ns) params.namespace = now.ns.split(",");
  if (now.protocol) params.protocol = now.protocol;
  if (now.min) params.min_requests = now.min;
  if (now.focus) Object.assign(params, { focus: now.focus, depth: now.depth });
  return params;
}

/** {shown: the graph to draw, waiting: requests left out until their caller is known}. */
export async function askGraph(now, signal) {
  const params = graphParams(now);
  const answer = await api.graph(params, signal);
  if (!state.isLive(now)) return { shown: answer, waiting: 0 };
  return leaveUndecided(answer, params, signal);
}

/* For readers of the API who look for what other groups do not have; here its places are empty. */
const isOfGroup = (warning) => warning.includes("are kept by service");

/** What the answer says about itself, for the truth line. */
export function truthOf(answer) {
  const cut = answer.truncated ? ["part of the graph was left out"] : [],
    warnings = (answer.warnings ?? []).filter((one) => !isOfGroup(one));
  return { completeUntil: answer.complete_until, warnings: [...warnings, ...cut] };
}
