"""corpus_graph.py - holds what the collector alone makes of the captured mesh scenarios against what really happened.

    corpus_graph.py PROGRAM CORPUS CHECKER [SCENARIO...]   PROGRAM is corpus_graph, CHECKER the corpus' graph_check.py
Every scenario in capture order, shuffled, and with a part of the requests sent twice.
"""
import http.server, pathlib, subprocess, sys, threading

SKIP = {"envoy-istio-attempts": "nowhere"}  # an outbound SERVER span that reached no cluster cannot always be told apart
WITHOUT_ALL_SPANS = {"prometheus", "prometheus-rw2", "prometheus-unavailable", "envoy-istio-sampled", "envoy-logs-only", "envoy-stats-only", "envoy-zipkin-json", "envoy-zipkin-shared"}


def serve(body):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main():
    program, corpus, checker, *names = sys.argv[1:]
    found = sorted(p.parent.name for p in pathlib.Path(corpus).glob("*/graph.json") if p.parent.name not in WITHOUT_ALL_SPANS)
    if not found:
        sys.exit("no scenario with a graph in " + corpus)
    bad = 0
    for name in names or found:
        for mode in ("order", "shuffled", "twice"):
            graph = subprocess.run([program, corpus, name, mode], check=True, capture_output=True).stdout
            server = serve(graph)
            url = "http://127.0.0.1:%d" % server.server_port
            answer = subprocess.run([sys.executable, checker, str(pathlib.Path(corpus) / name), "--url", url, "--skip", SKIP.get(name, "")])
            server.shutdown()
            print(name, mode, "ok" if answer.returncode == 0 else "WRONG")
            bad += answer.returncode != 0
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
