/* thread_clock.mjs - what a page costs its main thread, whatever else the machine does. */

/** CPU time of the page's main thread in milliseconds. */
export async function threadClock(page) {
  const session = await page.createCDPSession();
  await session.send("Performance.setTimeDomain", { timeDomain: "threadTicks" });
  await session.send("Performance.enable");
  return async () =>
    (await session.send("Performance.getMetrics")).metrics.find(
      ({ name }) => name === "TaskDuration",
    ).value * 1000;
}
