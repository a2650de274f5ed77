/* weft.mjs - a real `weft run` on free ports of 127.0.0.1 with a data directory of its own. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CONFIG =
  "admin: true\nself: { series: false }\nretention: { series: 0, edges: 0, spans: 0, logs: 0 }\n";

/** WEFT_BIN, or the release build of this tree; null when there is none. */
export function findWeft(root) {
  const path = process.env.WEFT_BIN ?? join(root, "build/release/weft");
  return existsSync(path) ? path : null;
}

function addresses(child) {
  return new Promise((resolve, reject) => {
    let text = "",
      complaints = "";
    child.stderr.on("data", (chunk) => {
      complaints += chunk;
    });
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const found = /listening http=(\S+) otlp_grpc=(\S+) otlp_http=(\S+)/.exec(text);
      if (found) resolve({ http: found[1], grpc: found[2], otlp: found[3] });
    });
    child.on("exit", (code) =>
      reject(new Error(`weft ended with ${code}: ${complaints.slice(-600)}`)),
    );
    setTimeout(() => reject(new Error("weft printed no addresses within 60 s")), 60_000).unref();
  });
}

/** `url` of the page, `otlp` to push to, `get(path)` for JSON, `push(body)`, `stop()`. */
export async function startWeft(binary) {
  const folder = mkdtempSync(join(tmpdir(), "weft-ui-data-")),
    config = join(folder, "weft.yaml");
  writeFileSync(config, CONFIG);
  const child = spawn(
    binary,
    [
      "run",
      "--config",
      config,
      "--data",
      join(folder, "data"),
      "--http",
      "127.0.0.1:0",
      "--otlp-grpc",
      "127.0.0.1:0",
      "--otlp-http",
      "127.0.0.1:0",
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const at = await addresses(child);
  const weft = { url: `http://${at.http}`, otlp: `http://${at.otlp}`, grpc: at.grpc };

  weft.get = async (path) => {
    const response = await fetch(weft.url + path);
    if (!response.ok)
      throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  weft.push = async (body, headers = { "Content-Type": "application/json" }, signal = "traces") => {
    const response = await fetch(`${weft.otlp}/v1/${signal}`, { method: "POST", headers, body });
    if (!response.ok) throw new Error(`push answered ${response.status}: ${await response.text()}`);
    return response.headers.get("content-type")?.includes("json") ? response.json() : {};
  };
  weft.pushMetrics = (body) => weft.push(body, { "Content-Type": "application/json" }, "metrics");
  weft.flush = () => fetch(`${weft.url}/-/flush`, { method: "POST" });
  weft.stop = async () => {
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5000))]);
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  return weft;
}
