/* finder.js - marks in the picture what the find box asks for, and goes from hit to hit. */
import { parseFind } from "../lib/find.js";
import { factsOf } from "./facts.js";

export function createFinder(canvas) {
  let hits = [];
  let next = 0;
  let wanted = "";

  /** Number of hits, or null when nothing is looked for. */
  function find(text) {
    const test = parseFind(text);
    if (text !== wanted) next = 0;
    wanted = text;
    const found = test
      ? canvas.cy.elements(".card, .link").filter((element) => test(factsOf(element).api))
      : canvas.cy.collection();
    hits = found.toArray();
    canvas.mark("found", found);
    return test ? hits.length : null;
  }

  /** Brings the next hit into sight and answers its id; null without one. */
  function step() {
    if (!hits.length) return null;
    const hit = hits[next++ % hits.length];
    canvas.reveal(hit);
    return hit.id();
  }
  return { find, step };
}
