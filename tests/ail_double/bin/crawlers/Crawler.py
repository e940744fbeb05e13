# ruff: noqa: SIM102 - lines that a patch touches, as they are in AIL
"""AIL's own crawler: what it does with the answer of one capture."""

from __future__ import annotations

import datetime
import os
import sys

sys.path.append(os.environ["AIL_BIN"])
from lib import crawlers
from lib.objects import Screenshots
from lib.objects.Domains import Domain
from lib.objects.Items import Item
from modules.abstract_module import AbstractModule


class Crawler(AbstractModule):
    def __init__(self):
        super().__init__()
        self.har = None
        self.screenshot = True
        self.domain = None
        # TODO Replace with warning list ???
        self.placeholder_screenshots = {'07244254f73e822bd4a95d916d8b27f2246b02c428adc29082d09550c6ed6e1a'   # blank
                                        '27e14ace10b0f96acd2bd919aaa98a964597532c35b6409dff6cc8eec8214748',  # not found
                                        '3e66bf4cc250a68c10f8a30643d73e50e68bf1d4a38d4adc5bfc4659ca2974c0'}  # 404

    def compute(self, message):
        """Nothing is crawled here."""

    def save_capture_response(self, parent_id, entries):
        self.domain = Domain(crawlers.get_url_domain(entries["last_redirected_url"]))
        item_id = crawlers.create_item_id(datetime.date.today().strftime("%Y/%m/%d"), self.domain.id)
        item = Item(item_id)
        item.create(entries["html"], content_type="str")
        item.add_correlation("domain", "", self.domain.id)
        if item:
            if True:
                self.add_message_to_queue(obj=item, message="crawler", queue='Importers')

                # SCREENSHOT
                if self.screenshot:
                    if 'png' in entries and entries.get('png'):
                        screenshot = Screenshots.create_screenshot(entries['png'], b64=False)
                        if screenshot:
                            if not screenshot.is_tags_safe():
                                unsafe_tag = 'dark-web:topic="pornography-child-exploitation"'
                                self.domain.add_tag(unsafe_tag)
                                item.add_tag(unsafe_tag)
                            # Remove Placeholder pages # TODO Replace with warning list ???
                            if screenshot.id not in self.placeholder_screenshots:
                                # Create Correlations
                                screenshot.add_correlation('item', '', item_id)
                                screenshot.add_correlation('domain', '', self.domain.id)
                            # self.add_message_to_queue(obj=screenshot, queue='Images') # TODO screenshot OCR
                # HAR
                if self.har:
                    if 'har' in entries and entries.get('har'):
                        pass
        return True


if __name__ == "__main__":
    Crawler().run()
