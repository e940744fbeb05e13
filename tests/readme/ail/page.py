"""What AIL's page of an object shows, by AIL's own functions: its tags, and the nodes of its graph. Argument:
global id.
"""

import os
import sys

sys.path.append(os.environ["AIL_BIN"])
from lib.correlations_engine import get_correlations_graph_nodes_links
from lib.objects.ail_objects import get_obj_from_global_id

gid = sys.argv[1]
for tag in sorted(get_obj_from_global_id(gid).get_tags()):
    print("tag  ", tag)
for node in sorted(set(get_correlations_graph_nodes_links(*gid.split(":", 2), level=1)[1]) - {gid}):
    print("drawn", node)
