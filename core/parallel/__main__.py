"""Entry point of a worker process: `python -m douglas_quaid.parallel` (see worker.py)."""

import sys

from .worker import main

if __name__ == "__main__":
    main(sys.argv[1:])
