"""What does importing a hash list cost, and what do queries pay for it? Entries are random PDQ hashes.

python -m benchmarks.hash_lists [--entries 100000]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

from support.server import Server

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    entries = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as folder:
        file, server = Path(folder, "list.txt"), Server(Path(folder)).start()
        hashes = (hashlib.sha256(b"%d" % n).hexdigest() for n in range(entries))
        file.write_text("".join(f"pdq {text}\n" for text in hashes))
        try:
            with Engine.open(server.url) as engine:
                engine.create_collection("known", "known")
                data = sample("indexed/cat.jpg")
                engine.query(data)
                for title, work in (
                    ("query without a list", lambda: engine.query(data)),
                    ("import", lambda: engine.import_list(str(file), collection="known")),
                    ("first query after it", lambda: engine.query(data)),
                    ("next query", lambda: engine.query(data)),
                    ("import again", lambda: engine.import_list(str(file), collection="known")),
                ):
                    began = time.process_time()
                    work()
                    print(f"{title}: {time.process_time() - began:.3f} s of CPU")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
