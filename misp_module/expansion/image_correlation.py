"""misp-modules loads this file: what the module is, and the way from a request to its answer. The work is in
`douglas_quaid.misp`.
"""

from __future__ import annotations

import json
import logging

try:
    from douglas_quaid.misp.settings import NAMES
except ImportError as error:
    raise ImportError(
        "image_correlation needs the package douglas-quaid in the Python of misp-modules: pip install 'douglas-quaid[misp]'"
    ) from error

log = logging.getLogger("misp-modules.image_correlation")

mispattributes = {
    "input": ["attachment", "malware-sample", "image"],
    "output": ["text"],
    "format": "misp_standard",
}
moduleinfo = {
    "version": "1",
    "author": "Douglas-Quaid",
    "name": "Image correlation",
    "description": (
        "Has this picture, or a piece of it, been seen before? Hover and enrichment for screenshots and pictures, with a calibrated score and evidence."
    ),
    "module-type": ["expansion", "hover"],
    "logo": "",
    "requirements": [
        "douglas-quaid: pip install 'douglas-quaid[misp]'",
        "a Redis or Valkey that `quaid misp sync` fills",
    ],
    "features": (
        "A hover answers from the stored verdicts: how often and since when the picture was seen, whether it matches, and what that rests on."
        " An enrichment compares the picture with all that is known, and adds an image-similarity object for each hit:"
        " verdict, score, relation, evidence, events."
        " Only a match correlates; scores and UUIDs are all that is told unless the administrator allows more."
    ),
    "references": [
        "https://arxiv.org/abs/1908.03449",
        "https://github.com/facebook/ThreatExchange/tree/main/pdq",
    ],
    "input": "An attachment or malware-sample attribute that is a picture, or an image object.",
    "output": "image-similarity objects that refer to the picture.",
}
moduleconfig = list(NAMES)


def introspection():
    return mispattributes


def version():
    return moduleinfo | {"config": moduleconfig}


def dict_handler(request):
    """misp-modules asks `handler` again when this raises AttributeError, so nothing is raised."""
    try:
        from douglas_quaid.misp.service import answer

        return answer(request)
    except (
        Exception
    ) as error:  # a host's thread ends here; the reason goes to the log, its kind to the analyst
        log.exception("a request could not be answered")
        return {
            "error": f"The picture could not be looked up: {type(error).__name__}; see the log of misp-modules.",
            "results": {},
        }


def handler(q=False):
    if q is False:
        return False
    try:
        request = json.loads(q)
    except ValueError:
        return {"error": "The request is not JSON.", "results": {}}
    return dict_handler(request)
