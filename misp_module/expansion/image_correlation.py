"""The file that misp-modules loads: the description of the module, and the entry points of a request.

The work is done in `douglas_quaid.misp`, which is imported with the first request: nothing heavy is loaded
and no store is contacted when misp-modules starts.
"""

import json
import logging
from typing import Any

try:
    from douglas_quaid.misp.messages import failure, is_hover
    from douglas_quaid.misp.settings import NAMES
except ImportError as error:
    raise ImportError(
        "image_correlation needs the package douglas-quaid in the Python of misp-modules:"
        " pip install 'douglas-quaid[misp]'"
    ) from error

log = logging.getLogger("misp-modules.image_correlation")

#: What the module accepts and returns.
mispattributes = {
    "input": ["attachment", "malware-sample", "image"],
    "output": ["text"],
    "format": "misp_standard",
}
#: What MISP shows about the module.
moduleinfo = {
    "version": "1",
    "author": "Douglas-Quaid",
    "name": "Image correlation",
    "description": (
        "Has this picture, or a piece of it, been seen before?"
        " Hover and enrichment for screenshots and pictures, with a calibrated score and evidence."
    ),
    "module-type": ["expansion", "hover"],
    "logo": "",
    "requirements": [
        "douglas-quaid: pip install 'douglas-quaid[misp]'",
        "a Redis or Valkey that `quaid misp sync` fills",
    ],
    "features": (
        "A hover shows the stored verdicts: how often and since when the picture was seen,"
        " whether it matches, and on which evidence."
        " An enrichment searches for the picture, and adds an image-similarity object for each hit:"
        " verdict, score, relation, evidence, events."
        " Only a match correlates. Only scores and UUIDs are returned unless the administrator allows more."
    ),
    "references": [
        "https://arxiv.org/abs/1908.03449",
        "https://github.com/facebook/ThreatExchange/tree/main/pdq",
    ],
    "input": "A picture as an attachment or malware-sample attribute, or an image object.",
    "output": "image-similarity objects that refer to the picture.",
}
#: Names of the settings; MISP accepts only a flat list of strings.
moduleconfig = list(NAMES)


def introspection() -> dict[str, Any]:
    """Return what the module accepts and returns."""
    return mispattributes


def version() -> dict[str, Any]:
    """Return what MISP shows about the module, with the names of its settings."""
    return moduleinfo | {"config": moduleconfig}


def dict_handler(request: Any) -> dict[str, Any]:
    """Return the response to a request.

    Nothing is raised: after an AttributeError misp-modules would call `handler` with the same request.
    """
    try:
        from douglas_quaid.misp.service import answer

        return answer(request)
    except Exception as error:  # the thread belongs to the host, so every error ends here
        log.exception("a request could not be answered")
        reason = f"The search for the picture failed: {type(error).__name__}; see the log of misp-modules."
        return failure(reason, hover=is_hover(request))


def handler(q: Any = False) -> Any:
    """Return the response to a request in JSON; False when misp-modules only asks whether there
    is a handler.
    """
    if q is False:
        return False
    try:
        request = json.loads(q)
    except ValueError:
        return failure("The request is not JSON.", hover=False)
    return dict_handler(request)
