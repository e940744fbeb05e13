# ruff: noqa: F841 - lines that a patch touches, as they are in AIL
"""Pages that were captured, by AIL's crawler or by others: text, screenshot, domain, correlated."""

from __future__ import annotations

import base64
import datetime
import time
import uuid
from urllib.parse import urlsplit

from lib.objects import Screenshots
from lib.objects.Domains import Domain
from lib.objects.Items import Item


def get_url_domain(url):
    """The registered domain, near enough: the last two names."""
    return ".".join((urlsplit(url).hostname or "").split(".")[-2:])


def create_item_id(item_dir, domain):
    return f"crawled/{item_dir}/{domain}{uuid.uuid4()}"


class CaptureImporter:
    def __init__(self):
        self.date = datetime.date.today().strftime("%Y/%m/%d")
        self.epoch = int(time.time())
        self.domain = None
        # TODO MOVE ME
        self.placeholder_screenshots = {'07244254f73e822bd4a95d916d8b27f2246b02c428adc29082d09550c6ed6e1a'   # blank
                                        '27e14ace10b0f96acd2bd919aaa98a964597532c35b6409dff6cc8eec8214748',  # not found
                                        '3e66bf4cc250a68c10f8a30643d73e50e68bf1d4a38d4adc5bfc4659ca2974c0'}  # 404

    def process_screenshot(self, item, content):
        screenshot = Screenshots.create_screenshot(content, b64=False)
        if screenshot:
            # Remove Placeholder pages # TODO Replace with warning list ???
            if screenshot.id not in self.placeholder_screenshots:
                # Create Correlations
                screenshot.add_correlation('item', '', item.id)
                screenshot.add_correlation('domain', '', self.domain.id)
            return screenshot
        return None

    def process(self, capture):
        """The objects to queue: not the screenshot."""
        objs = []
        self.domain = Domain(get_url_domain(capture["last_redirected_url"]))
        self.domain.update_daterange(self.date.replace("/", ""))
        if capture.get("png"):
            capture["png"] = base64.b64decode(capture["png"])
        if capture.get("html"):
            item = Item(create_item_id(self.date, self.domain.id))
            if item:
                item.create(capture['html'], content_type='str')  # Save item content
                item.add_tag('infoleak:submission="crawler"')  # TODO USE MANUAL/Imported tag ?????
                objs.append(item)
                item.add_correlation("domain", "", self.domain.id)

                # SCREENSHOT
                if capture.get('png'):  # TODO add option to disable screenshot/har save
                    screenshot = self.process_screenshot(item, capture['png'])

        return objs
