/* facts.js - what the API said about each element of the picture; kept beside cytoscape, which would restyle at each change. */

const facts = new WeakMap();

/** Facts of one node, edge or box: {api, title, sub, versions, label, health, classes}. */
export const factsOf = (element) => facts.get(element[0]) ?? {};

export function setFacts(element, value) {
  facts.set(element[0], value);
}
