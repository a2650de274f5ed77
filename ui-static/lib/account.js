/* account.js - what the account of the status call says as a whole. */

/** Whether anything came that a graph is made of; proxies that only send access logs make one too. */
export const hasReceived = ({ account }) =>
  ["spans", "log_records"].some((signal) => account[signal]?.received > 0);
