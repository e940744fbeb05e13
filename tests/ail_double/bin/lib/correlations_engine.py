"""Which objects belong together: pairs without score, date or author, kept in both directions; and the graph that pages draw of them."""

from __future__ import annotations

from lib.ConfigLoader import ConfigLoader

r_metadata = ConfigLoader().get_db_conn("Kvrocks_Correlations")

# Pages and deletion know of these pairs only; any others are kept, and found by those that ask for them by name.
CORRELATION_TYPES_BY_OBJ = {
    "barcode": ["chat", "domain", "image", "message", "screenshot"],
    "chat": ["barcode", "chat-subchannel", "chat-thread", "image", "message", "qrcode", "user-account"],
    "domain": ["barcode", "item", "qrcode", "screenshot", "title"],
    "image": ["barcode", "chat", "chat-subchannel", "chat-thread", "message", "ocr", "post", "qrcode", "user-account"],  # TODO subchannel + threads ????
    "item": ["domain", "screenshot", "title"],
    "message": ["chat", "image"],
    "qrcode": ["chat", "cve", "cryptocurrency", "decoded", "domain", "image", "message", "screenshot"],     # "chat-subchannel", "chat-thread" ?????
    "screenshot": ["barcode", "domain", "item", "qrcode"],
    "ssh-key": ["domain", "ip"],
    "title": ["domain", "item"],
}  # fmt: skip


def key(obj_type, subtype, obj_id, correl_type):
    return f"correlation:obj:{obj_type}:{subtype or ''}:{correl_type}:{obj_id}"


def get_obj_correl_types(obj_type):
    return CORRELATION_TYPES_BY_OBJ.get(obj_type)


def sanityze_obj_correl_types(obj_type, correl_types, sanityze=True):
    if not sanityze:
        return correl_types
    known = get_obj_correl_types(obj_type) or []
    return set(correl_types).intersection(known) or known


def get_correlation_by_correl_type(obj_type, subtype, obj_id, correl_type, unpack=False):
    found = r_metadata.smembers(key(obj_type, subtype, obj_id, correl_type))
    return [text.split(":", 1) for text in found] if unpack else found


def get_correlations(obj_type, subtype, obj_id, filter_types=(), unpack=False, sanityze=True):
    types = sanityze_obj_correl_types(obj_type, filter_types, sanityze=sanityze)
    return {other: get_correlation_by_correl_type(obj_type, subtype, obj_id, other, unpack=unpack) for other in types}


def get_nb_correlation_by_correl_type(obj_type, subtype, obj_id, correl_type):
    return r_metadata.scard(key(obj_type, subtype, obj_id, correl_type))


def get_nb_correlations(obj_type, subtype, obj_id, filter_types=()):
    return {other: get_nb_correlation_by_correl_type(obj_type, subtype, obj_id, other) for other in sanityze_obj_correl_types(obj_type, filter_types)}


def exists_obj_correlation(obj_type, subtype, obj_id, obj2_type):
    return r_metadata.exists(key(obj_type, subtype, obj_id, obj2_type))


def is_obj_correlated(obj_type, subtype, obj_id, obj2_type, subtype2, obj2_id):
    return r_metadata.sismember(key(obj_type, subtype, obj_id, obj2_type), f"{subtype2 or ''}:{obj2_id}")


def add_obj_correlation(obj1_type, subtype1, obj1_id, obj2_type, subtype2, obj2_id):
    r_metadata.sadd(key(obj1_type, subtype1, obj1_id, obj2_type), f"{subtype2 or ''}:{obj2_id}")
    r_metadata.sadd(key(obj2_type, subtype2, obj2_id, obj1_type), f"{subtype1 or ''}:{obj1_id}")


def delete_obj_correlation(obj1_type, subtype1, obj1_id, obj2_type, subtype2, obj2_id):
    r_metadata.srem(key(obj1_type, subtype1, obj1_id, obj2_type), f"{subtype2 or ''}:{obj2_id}")
    r_metadata.srem(key(obj2_type, subtype2, obj2_id, obj1_type), f"{subtype1 or ''}:{obj1_id}")


def delete_obj_correlations(obj_type, subtype, obj_id):
    for other, found in get_correlations(obj_type, subtype, obj_id, unpack=True).items():
        for subtype2, obj2_id in found:
            delete_obj_correlation(obj_type, subtype, obj_id, other, subtype2, obj2_id)


def get_obj_str_id(obj_type, subtype, obj_id):
    return f"{obj_type}:{subtype or ''}:{obj_id}"


def get_correlations_graph_nodes_links(obj_type, subtype, obj_id, filter_types=(), max_nodes=300, level=1, objs_hidden=frozenset(), flask_context=False):
    """What the page draws. It goes through every neighbour again at each level: a clique costs its size to the power of the level."""
    nodes: set[str] = set()
    links: set[tuple[str, str]] = set()
    meta = {"complete": True, "objs": set()}
    draw(nodes, links, meta, (obj_type, subtype or "", obj_id), level, max_nodes, filter_types, objs_hidden, "")
    return get_obj_str_id(obj_type, subtype, obj_id), nodes, links, meta


def draw(nodes, links, meta, centre, level, max_nodes, filter_types, hidden, previous):
    name = ":".join(centre)
    nodes.add(name)
    meta["objs"].add(name)
    around = [(other, *pair) for other, found in get_correlations(*centre, filter_types=filter_types, unpack=True).items() for pair in found]
    for neighbour in around:
        other = ":".join(neighbour)
        if other in hidden:
            continue
        meta["objs"].add(other)
        if other == previous:
            continue
        if len(nodes) > max_nodes != 0:
            meta["complete"] = False
            return
        nodes.add(other)
        links.add((name, other))
    if level > 0:
        for neighbour in around:
            draw(nodes, links, meta, neighbour, level - 1, max_nodes, filter_types, hidden, name)
