"""Entry point of a child process that decodes pictures: `python -m douglas_quaid.isolation` (see
extraction/worker.py).
"""

import sys

from .extraction.worker import main

if __name__ == "__main__":
    main(sys.argv[1:])
