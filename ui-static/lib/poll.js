/* poll.js - asks again and again, never twice at once, and not while nobody looks. */

/**
 * `ask(signal)` is run now and `delay()` milliseconds after each end. `now()` drops what is under way and asks at once.
 */
export function createPoll(ask, delay) {
  let timer = 0,
    running = null,
    stopped = false;

  async function run() {
    clearTimeout(timer);
    running?.abort();
    const mine = new AbortController();
    running = mine;
    try {
      await ask(mine.signal);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      if (running === mine) {
        running = null;
        if (!stopped) timer = setTimeout(tick, delay());
      }
    }
  }

  function tick() {
    if (document.hidden) timer = setTimeout(tick, 1000);
    else run();
  }

  function stop() {
    stopped = true;
    clearTimeout(timer);
    running?.abort();
  }
  return { now: run, stop };
}
