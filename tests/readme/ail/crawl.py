"""In place of AIL's crawler: stores a screenshot of a domain and queues it, with AIL's own functions.
Arguments: file, domain; AIL's environment is active.
"""

import os
import sys
from pathlib import Path

sys.path.append(os.environ["AIL_BIN"])
from lib.ail_queues import AILQueue
from lib.objects import Screenshots

path, domain = sys.argv[1:]
screenshot = Screenshots.create_screenshot(Path(path).read_bytes(), b64=False)
screenshot.add_correlation("domain", "", domain)
AILQueue("Crawler", os.getpid()).send_message(screenshot.get_global_id(), "", "Images")
print(screenshot.get_global_id())
