"""The store as a graph for other tools: what the first Douglas-Quaid dumped, GraphML and Cytoscape.js."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.command_line import runner
from support.images import new_image, put_all
from support.service import Service

from douglas_quaid import ConfigError, Engine, NotFound
from douglas_quaid.cli.main import main
from douglas_quaid.graph.walk import names_in
from douglas_quaid.records import Decision, Evidence, Occurrence, Relation, Verdict

MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")
GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"
IMAGES = [new_image(n).image_id for n in range(6)]


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """Six images: three in one cluster, one alone in its own, two in none; one was seen at an odd name."""
    with Engine.open(store_url) as engine:
        store = engine._store
        put_all(store, [new_image(n) for n in range(6)])
        store.verdicts.record(IMAGES[0], [(IMAGES[1], MATCH), (IMAGES[2], MATCH)])
        store.clusters.give([IMAGES[3]])
        store.images.note(IMAGES[0], occurrence=Occurrence("file", "path", "/a<b>&\x1b\udcff.png"))
        store.images.note(IMAGES[1], occurrence=Occurrence("misp", "attribute", "7"))
        yield engine


def visjs(engine: Engine, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("".join(engine.graph("visjs", **options)))
    return found


def test_visjs_is_what_the_first_douglas_quaid_dumped(engine: Engine) -> None:
    found = visjs(engine)
    # Its four keys, clusters with their sorted members, and an edge from each cluster to each of its images
    assert list(found) == ["meta", "clusters", "nodes", "edges"] and found["meta"] == {"source": "DBDUMP"}
    assert [set(one) for one in found["clusters"]] == [
        {"label", "id", "image", "shape", "members", "group"} for _ in range(2)
    ]
    assert [one["members"] for one in found["clusters"]] == [sorted(IMAGES[:3]), [IMAGES[3]]]
    assert sorted(node["id"] for node in found["nodes"]) == sorted(IMAGES)
    assert all(set(node) == {"label", "id", "image", "shape"} for node in found["nodes"])
    assert [(edge["from"], edge["to"]) for edge in found["edges"]] == [
        (one["id"], image_id) for one in found["clusters"] for image_id in one["members"]
    ]
    assert all(edge["color"] == "gray" for edge in found["edges"])


def test_one_cluster_and_names_from_a_file_or_from_occurrences(engine: Engine, tmp_path: Path) -> None:
    (cluster,) = engine._store.clusters.names([IMAGES[0]])[0]
    for mapping in ({IMAGES[0]: "cat.png"}, {"cat.png": IMAGES[0]}):
        (tmp_path / "names").write_text(json.dumps(mapping))
        found = visjs(engine, names=names_in(str(tmp_path / "names")), cluster=cluster)
        assert {node["id"]: node["label"] for node in found["nodes"]} == {
            IMAGES[0]: "cat.png",
            IMAGES[1]: "",
            IMAGES[2]: "",
        }
    found = visjs(engine, names=engine.occurrences_as_names())
    labels = {node["id"]: node["label"] for node in found["nodes"]}
    assert labels[IMAGES[1]] == "misp:attribute:7" and labels[IMAGES[5]] == ""
    with pytest.raises(NotFound):
        engine.graph("visjs", cluster="c-" + "0" * 32)
    (tmp_path / "names").write_text("[1]")
    with pytest.raises(ConfigError, match="JSON object of image ids and names"):
        names_in(str(tmp_path / "names"))


def test_graphml_has_the_elements_and_attributes_of_its_schema(engine: Engine) -> None:
    text = "".join(engine.graph("graphml", names=engine.occurrences_as_names()))
    tree = ElementTree.fromstring(text.encode())  # well-formed, whatever the names contain
    # graphml: keys, then one graph of nodes and edges; a node holds data; ids are unique, and edges and data
    # refer to what is declared
    assert tree.tag == GRAPHML + "graphml"
    *keys, graph = tree
    assert all(key.tag == GRAPHML + "key" and {"id", "for"} <= set(key.attrib) for key in keys)
    assert graph.tag == GRAPHML + "graph" and graph.attrib["edgedefault"] == "directed"
    nodes, edges = graph.findall(GRAPHML + "node"), graph.findall(GRAPHML + "edge")
    assert len(nodes) + len(edges) == len(graph) and len(nodes) == 8 and len(edges) == 4
    ids = [node.attrib["id"] for node in nodes]
    assert len(set(ids)) == 8
    assert all({edge.attrib["source"], edge.attrib["target"]} <= set(ids) for edge in edges)
    declared = {key.attrib["id"] for key in keys}
    data = [one for node in nodes for one in node]
    assert all(one.tag == GRAPHML + "data" and one.attrib["key"] in declared for one in data)
    assert "file:path:/a<b>&\\x1b\\udcff.png" in [one.text for one in data]


def test_cytoscape_has_elements_that_refer_to_each_other(engine: Engine) -> None:
    elements = json.loads("".join(engine.graph("cytoscape")))["elements"]
    nodes = {one["data"]["id"] for one in elements if one["group"] == "nodes"}
    edges = [one["data"] for one in elements if one["group"] == "edges"]
    assert nodes >= set(IMAGES) and len(nodes) == 8 and len(edges) == 4
    assert all({edge["source"], edge["target"]} <= nodes and edge["id"] for edge in edges)


def test_a_graph_is_not_held_in_memory(store_url: str) -> None:
    # Given more images than are read at a time
    with Engine.open(store_url) as engine:
        put_all(engine._store, [new_image(n, words=0) for n in range(3000)])
        engine._store.clusters.give(sorted(new_image(n).image_id for n in range(2000)))
        for form in ("visjs", "graphml", "cytoscape"):
            sum(map(len, engine.graph(form)))  # so that what is loaded once does not count
            tracemalloc.start()
            try:
                size = sum(map(len, engine.graph(form)))  # when their graph is read,
                held = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert held < size / 2  # then only some images are held at a time.


@pytest.fixture
def service(engine: Engine, tmp_path: Path) -> Iterator[Service]:
    """A service on the store of the engine."""
    service = Service(tmp_path, engine.config.store).start()
    yield service
    service.stop()


def test_the_command_and_the_service_give_the_same(engine: Engine, service: Service) -> None:
    url = engine.config.store
    for form in ("visjs", "graphml", "cytoscape"):
        done = runner().invoke(main, ["graph", "--format", form, "--names", "occurrence", "--store", url])
        assert done.exit_code == 0 and "\x1b" not in done.stdout
        answer = service.ask("GET", f"/api/v1/graph?format={form}&names=occurrence")
        assert answer.status == 200 and answer.body.decode() == done.stdout
        kind = "xml" if form == "graphml" else "json"
        assert answer.headers["content-type"].startswith(f"application/{kind}")
    done = runner().invoke(main, ["graph", "--cluster", "c-" + "0" * 32, "--store", url])
    assert done.exit_code == 1 and "there is no cluster" in done.stderr
    assert service.ask("GET", "/api/v1/graph?cluster=c-" + "0" * 32).status == 404


def test_a_key_sees_the_names_of_its_hosts_only(engine: Engine, service: Service) -> None:
    key = engine.create_key("one", ["read"], sees=["host:misp"])
    path = "/api/v1/graph?names=occurrence"
    assert service.ask("GET", path).status == 401
    found = service.ask("GET", path, headers={"Authorization": f"Bearer {key}"}).line
    assert {node["label"] for node in found["nodes"]} == {"", "misp:attribute:7"}


def test_networkx_reads_the_graphml(engine: Engine, tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx", reason="only for this test, so not among the tests' own")
    (tmp_path / "graph").write_text("".join(engine.graph("graphml")), "utf-8")
    found = networkx.read_graphml(tmp_path / "graph")
    assert found.is_directed() and found.number_of_nodes() == 8 and found.number_of_edges() == 4
    assert found.nodes[IMAGES[0]]["kind"] == "image"
