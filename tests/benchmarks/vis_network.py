"""Loads a graph of `quaid graph --format visjs` into vis-network in a real Chromium, and says what it drew.

    npm pack vis-network && tar xf vis-network-*.tgz
    quaid graph > graph.json
    python -m benchmarks.vis_network graph.json PATH/vis-network.js

Clusters and nodes become the nodes of the network, as in visjs-classificator.
"""

from __future__ import annotations

import argparse
import html
import re
import subprocess
import tempfile
from pathlib import Path

PAGE = """<!doctype html><meta charset="utf-8">
<div id="net" style="width:800px;height:600px"></div><pre id="out"></pre>
<script>%s</script><script>
const dump = %s;
const nodes = new vis.DataSet([...dump.clusters, ...dump.nodes].map(({id, label}) => ({id, label})));
const edges = new vis.DataSet(dump.edges);
const options = {physics: false};
const network = new vis.Network(document.getElementById('net'), {nodes, edges}, options);
network.once('afterDrawing', () => {
  const drawn = Object.values(network.body.edges).filter(edge => edge.connected).length;
  const told = 'drawn: ' + nodes.length + ' nodes, ' + drawn + ' connected edges';
  document.getElementById('out').textContent = told;
});
</script>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("graph", type=Path)
    parser.add_argument("library", type=Path)
    parser.add_argument("--chromium", default="chromium-headless-shell")
    options = parser.parse_args()
    graph = options.graph.read_text("utf-8").replace("</", "<\\/")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(PAGE % (options.library.read_text("utf-8"), graph), "utf-8")
        command = [options.chromium, "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
        done = subprocess.run(
            [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=300, check=True
        )
    found = re.search(r"drawn: [^<]*", html.unescape(done.stdout))
    print(found[0] if found else f"nothing was drawn: {done.stderr[-500:]}")


if __name__ == "__main__":
    main()
