"""Draws the pictures of misp_module/README.md: real answers of the module in the layout of MISP's pages.

    python -P tests/readme/misp_pages.py            # writes hover.webp and enrichment.webp beside this file

The script fills a store as `quaid misp sync` does, starts misp-modules, and sends it a hover and an
enrichment over HTTP. It writes the answers as HTML in the layout of MISP's hover and of its page of
enrichment results: a hover shows only relations and values, only links can be clicked, and the page shows of
a tag the part behind the `=`. Headless Chromium draws the HTML. No MISP is involved.
"""

from __future__ import annotations

import html
import io
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support.misp_host import attribute, enrichment, hover, running  # noqa: E402

from douglas_quaid import Engine  # noqa: E402
from douglas_quaid.demo.pictures import sample  # noqa: E402
from douglas_quaid.evaluation.edits import encoded, resized  # noqa: E402
from douglas_quaid.store.embedded import stop_embedded  # noqa: E402

MISP = "https://misp.example.org"
SETTINGS = {"misp_url": MISP, "disclose": "brands"}
#: Device pixels for one of CSS. chosen: sharp on most screens, small in the repository.
SCALE = 1.5
MAGNIFIER = (
    "<svg width=12 height=12><g fill=none stroke='#08c' stroke-width=2><circle cx=5 cy=5 r=4 />"
    "<path d='M8 8L11 11M3 5H7M5 3V7'/></g></svg>"
)


def uuid(number: int) -> str:
    return f"5b7c3a52-8f0e-4c1d-9a67-2f1f64c1{number:04x}"


def fill(engine: Engine) -> dict[str, Any]:
    """Store a phishing page in six events since March, and in a baseline the page that it imitates. Return
    the attribute under the mouse.
    """
    engine.create_collection("brands", "baseline")
    labels = {"brand": "Example Bank", "domain": "bank.example", "page": "sign-in page"}
    engine.add(sample("indexed/bank-login.png"), collection="brands", labels=labels)
    with Image.open(io.BytesIO(sample("asked/bank-imitation.png"))) as picture:
        page = picture.convert("RGB")
    first = datetime(2026, 3, 2, 8, 15, tzinfo=timezone.utc)
    for number in range(14):
        event = uuid(0xE000 + min(number // 2, 5))
        engine.add(
            encoded(page),
            occurrence=f"misp:attribute:{uuid(number)}",
            labels={"event": event},
            seen=first + timedelta(days=19 * number),
        )
    asked = encoded(resized(page, 0.8), "JPEG", quality=70)
    engine.add(
        asked,
        occurrence=f"misp:attribute:{uuid(100)}",
        labels={"event": uuid(0xE010)},
        seen=datetime(2026, 11, 22, 9, tzinfo=timezone.utc),
    )
    return attribute(asked, uuid=uuid(100), value="account-locked.jpg")


def row(*cells: str, tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def value(found: dict[str, Any], *, clickable: bool) -> str:
    text = html.escape(found["value"])
    return f"<a>{text}</a>" if clickable and found["type"] == "link" else text


def hover_page(answer: dict[str, Any], asked: dict[str, Any], picture: str) -> str:
    tables = "".join(
        f"<h6>Object: {html.escape(found['name'])}</h6><table class=striped>"
        + "".join(
            f"<tr><th>{part['object_relation']}</th><td>{value(part, clickable=True)}</td></tr>"
            for part in found["Attribute"]
        )
        + "</table>"
        for found in answer["results"]["Object"]
    )
    shown = f"<img src='{picture}'><br>{html.escape(asked['value'])} {MAGNIFIER}"
    cells = row("Category", "Type", "Value", tag="th") + row(asked["category"], asked["type"], shown)
    return f"""<div class=event><table class=attributes>{cells}</table>
        <div class=popover><div class=title>Lookup results:</div>
        <div class=content><h5>Image Correlation:</h5>{tables}</div></div></div>"""


def box(checked: bool) -> str:
    return f"<input type=checkbox {'checked' if checked else ''}>"


def enrichment_page(answer: dict[str, Any]) -> str:
    rows = [row("Category", "Type", "Value", "Tags", "IDS", "Disable<br>Correlation", "Comment", tag="th")]
    for found in answer["results"]["Object"]:
        references = "".join(
            f"<br>&nbsp;&nbsp;{r['relationship_type']} Attribute {r['referenced_uuid']}"
            for r in found.get("ObjectReference", [])
        )
        count = len(found.get("ObjectReference", []))
        comment = html.escape(found["comment"]).replace("\n", "<br>").replace("\N{NO-BREAK SPACE}", " ")
        head = f"<b>Name:</b> {found['name']}<br><b>References:</b> {count}{references}"
        rows.append(f"<tr class=object><td colspan=6>{head}</td><td>{comment}</td></tr>")
        for part in found["Attribute"]:
            tags = "".join(
                f"<span class=tag>{html.escape(tag['name'].split('=')[-1].strip(chr(34)))}</span>"
                for tag in part.get("Tag", [])
            )
            kind = f"<b>{part['object_relation']}</b>: {part['type']}"
            marks = (box(part["to_ids"]), box(part["disable_correlation"]))
            rows.append(row(part["category"], kind, value(part, clickable=False), tags, *marks, ""))
        rows.append("<tr class=gap><td colspan=7></td></tr>")
    words = (
        "<p>Below you can see the attributes and objects that are to be created from the results of the "
        "enrichment module.</p>"
    )
    table = f"<table class=objects>{''.join(rows)}</table>"
    return f"<div class=results><h2>Enrichment Results</h2>{words}{table}</div>"


def drawn(body: str, folder: Path) -> Image.Image:
    """The page as Chromium shows it, without the empty margin."""
    page, shot = folder / "page.html", folder / "page.png"
    style = (HERE / "misp_pages.css").read_text("utf-8")
    page.write_text(f"<!doctype html><meta charset=utf-8><style>{style}</style>{body}", "utf-8")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("chromium is missing; install it with: apt-get install chromium")
    options = [
        "--headless",
        "--no-sandbox",
        "--hide-scrollbars",
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
    ]
    subprocess.run(
        [
            chromium,
            *options,
            f"--force-device-scale-factor={SCALE}",
            "--window-size=1180,2600",
            f"--screenshot={shot}",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with Image.open(shot) as picture:
        whole = picture.convert("RGB")
    _, _, right, bottom = ImageChops.difference(whole, Image.new("RGB", whole.size, "white")).getbbox() or (
        0,
        0,
        *whole.size,
    )
    return whole.crop((0, 0, min(right + 16, whole.width), min(bottom + 16, whole.height)))


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = f"embedded:{folder / 'store'}"
        with Engine.open(store) as engine:
            asked = fill(engine)
        picture = "data:image/jpeg;base64," + asked["data"]
        with running(folder, store=store) as host:
            looked_at = {field: content for field, content in asked.items() if field != "data"}
            pages = {
                "hover": hover_page(host.post(hover(store, looked_at, **SETTINGS)), asked, picture),
                "enrichment": enrichment_page(host.post(enrichment(store, asked, **SETTINGS))),
            }
        stop_embedded(folder / "store")
        for title, body in pages.items():
            target = HERE / f"{title}.webp"
            drawn(body, folder).quantize(96).convert("RGB").save(
                target, "WEBP", lossless=True, quality=100, method=6
            )
            print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
