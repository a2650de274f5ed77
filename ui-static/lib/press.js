/* press.js - whether a button or a finger is down: what is under it must not be replaced, or its click is lost. */

/* Where the end is never told (a list of the system's own took it), answers go on. */
const LONGEST_MS = 1000;
let over = Promise.resolve(),
  end = () => {};

addEventListener(
  "pointerdown",
  (event) => {
    if (event.button !== 0) return;
    end();
    over = new Promise((resolve) => {
      end = resolve;
      setTimeout(resolve, LONGEST_MS);
    });
  },
  true,
);
/* The click comes in the same turn. */
for (const name of ["pointerup", "pointercancel"])
  addEventListener(name, () => setTimeout(end), true);

/** Resolves when nothing is pressed. */
export const released = () => over;
