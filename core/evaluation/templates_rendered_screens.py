"""Rendered templates by which nothing was chosen: those that show an application. The papers are in
templates_rendered_papers.py.
"""

from .fillings import amount, date, digits, hexadecimal, mail, name, words
from .rendering import RenderedTemplate, Slots


def _inbox(v: Slots) -> str:
    rows = "".join(
        f"<p><input type=checkbox><b>{v[3 * row]}</b>{v[3 * row + 1]}<i>{v[3 * row + 2]}</i></p>"
        for row in range(11)
    )
    return f"<aside>Inbox<br>Starred<br>Sent<br>Drafts<br>Spam<br>Bin</aside><h2>Mail</h2><main>{rows}</main>"


def _messenger(v: Slots) -> str:
    rows = "".join(
        f'<p class="{"out" if place % 2 else "in"}">{v[place]}<small>&#10003;&#10003;</small></p>'
        for place in range(1, 12)
    )
    return f"<header><u></u>{v[0]}</header>{rows}"


def _month(v: Slots) -> str:
    days = "".join(
        f"<div><small>{day + 1}</small>{f'<p>{v[day // 2]}</p>' if day % 2 == 0 and day < 34 else ''}</div>"
        for day in range(35)
    )
    return f"<h2>Schedule <span>Day Week <b>Month</b></span></h2><main>{days}</main>"


def _crossword(v: Slots) -> str:
    cells = "".join(
        '<b class="dark"></b>' if place % 4 == 3 else f"<b>{v[place - place // 4]}</b>" for place in range(49)
    )
    return f"<h2>The daily crossword</h2><main>{cells}</main>"


def _budget(v: Slots) -> str:
    names = ("Rent", "Food", "Travel", "Power", "Phone", "Books", "Clothes", "Gifts", "Sports", "Other")
    rows = "".join(
        f"<tr><th>{row + 2}<td>{label}" + "".join(f"<td>{v[4 * row + column]}" for column in range(4))
        for row, label in enumerate(names)
    )
    head = "<tr><th><th>A<th>B<th>C<th>D<th>E<tr><th>1<td>Item<td>January<td>February<td>March<td>April"
    return f"<nav>File Edit View Insert Format Data</nav><table>{head}{rows}</table>"


def _shell(v: Slots) -> str:
    rows = "".join(f"<p><b>admin@gate</b>:~$ {v[2 * row]}<br>{v[2 * row + 1]}</p>" for row in range(9))
    return f"<header>&#9679; &#9679; &#9679; &nbsp; Terminal</header>{rows}"


def _patch(v: Slots) -> str:
    kinds = ("same", "less", "more")
    rows = "".join(
        f'<p class="{kinds[place % 3]}"><i>{place + 41}</i>{" -+"[place % 3]} let {v[place]};</p>'
        for place in range(16)
    )
    return f"<header>src/main.rs &nbsp; <small>Changes requested</small></header>{rows}"


def _sign_in(v: Slots) -> str:
    return (
        f"<main><h1>Cloudbox</h1><h3>Welcome back</h3><u></u><b>{v[0]}</b><p>{v[1]}</p>"
        "<label>Password</label>"
        "<div>&nbsp;</div><button>Sign in</button><small>Forgot password? &nbsp; Use another"
        " account</small></main>"
    )


def _thread(v: Slots) -> str:
    posts = "".join(
        f"<section><u></u><b>{v[4 * row]}</b> <i>{v[4 * row + 1]}</i><p>{v[4 * row + 2]}</p>"
        f"<small>&#9825; {v[4 * row + 3]} &nbsp; Reply &nbsp; Share</small></section>"
        for row in range(3)
    )
    return f"<h2>Home</h2>{posts}"


#: Rendered kinds that are reported: screens of applications.
RENDERED_SCREENS: tuple[RenderedTemplate, ...] = (
    RenderedTemplate(
        "inbox",
        (name, words(4, 8), digits(2)) * 11,
        _inbox,
        (1280, 700),
        """.page { background: #f6f8fc; font: 17px Liberation Sans; color: #222 } .page aside { position:
        absolute; top: 90px; left: 30px; line-height: 2.6; color: #444 } .page h2 { margin: 20px 30px;
        color: #c5221f } .page main { position: absolute; left: 180px; right: 20px; top: 70px;
        background: #fff; border-radius: 16px; padding: 10px } .page p { margin: 0; padding: 15px 14px;
        border-bottom: 1px solid #eee } .page b { width: 200px; display: inline-block; margin-left: 16px
        } .page i { float: right; color: #777 }""",
    ),
    RenderedTemplate(
        "messenger",
        (name, *(words(2, 4),) * 11),
        _messenger,
        (600, 1000),
        """.page { background: #0e1621; font: 20px DejaVu Sans; color: #fff } .page header { background:
        #17212b; padding: 18px 24px; font-weight: bold; margin-bottom: 14px } .page u { display:
        inline-block; width: 44px; height: 44px; border-radius: 22px; background: #e17076;
        vertical-align: middle; margin-right: 16px } .page p { width: fit-content; max-width: 75%;
        margin: 10px 20px; padding: 12px 16px; border-radius: 12px; background: #182533 } .page .out {
        background: #2b5278; margin-left: auto } .page small { font-size: 13px; color: #7ba;
        margin-left: 10px }""",
    ),
    RenderedTemplate(
        "month-planner",
        (words(1, 2),) * 17,
        _month,
        (1240, 800),
        """.page { background: #fff; font: 16px Liberation Sans; color: #333; padding: 16px 30px } .page h2
        span { float: right; font-size: 16px; font-weight: normal; color: #888 } .page main { display:
        grid; grid-template-columns: repeat(7, 1fr) } .page div { border: 1px solid #ddd; height: 130px;
        padding: 6px } .page div p { background: #1a73e8; color: #fff; border-radius: 4px; padding: 4px
        8px; margin: 8px 0 }""",
    ),
    RenderedTemplate(
        "crossword",
        (lambda draw: draw.choice("ABCDEFGHIKLMNOPRSTUVW"),) * 37,
        _crossword,
        (680, 720),
        """.page { background: #fffef8; font: 36px Liberation Serif; padding: 10px 50px; color: #111 }
        .page h2 { font-size: 28px } .page main { display: grid; grid-template-columns: repeat(7, 80px)
        } .page b { width: 80px; height: 80px; border: 1px solid #333; text-align: center; line-height:
        80px; font-weight: normal } .page .dark { background: #222 }""",
    ),
    RenderedTemplate(
        "budget",
        (amount,) * 40,
        _budget,
        (1100, 620),
        """.page { background: #fff; font: 18px Liberation Sans; color: #222 } .page nav { background:
        #188038; color: #fff; padding: 14px 20px; word-spacing: 20px } .page table { border-collapse:
        collapse; width: 100% } .page td, .page th { border: 1px solid #ccc; padding: 10px 14px; width:
        200px } .page th { background: #f1f3f4; width: 40px; font-weight: normal; color: #666 } .page td
        span { float: right }""",
    ),
    RenderedTemplate(
        "shell-log",
        (words(2, 4), hexadecimal(48)) * 9,
        _shell,
        (1000, 680),
        """.page { background: #300a24; font: 20px DejaVu Sans Mono; color: #eee } .page header {
        background: #2c2c2c; color: #bbb; padding: 12px 20px; margin-bottom: 14px; font-size: 17px }
        .page p { margin: 6px 20px 14px } .page b { color: #8ae234 }""",
    ),
    RenderedTemplate(
        "patch",
        (words(3, 6),) * 16,
        _patch,
        (1000, 680),
        """.page { background: #fff; font: 18px Liberation Mono; color: #24292f } .page header {
        background: #f6f8fa; padding: 16px 20px; border-bottom: 1px solid #ccc; font-weight: bold }
        .page small { float: right; color: #c33 } .page p { margin: 0; padding: 8px 14px; white-space:
        pre } .page i { color: #999; margin-right: 20px } .page .more { background: #e6ffec } .page
        .less { background: #ffebe9 }""",
    ),
    RenderedTemplate(
        "sign-in",
        (name, mail),
        _sign_in,
        (1200, 720),
        """.page { background: linear-gradient(#cfe2ff, #eef4ff); font: 20px Liberation Sans; color: #233 }
        .page main { position: absolute; left: 380px; top: 50px; width: 440px; height: 620px;
        background: #fff; border-radius: 14px; text-align: center; padding: 20px 50px } .page u {
        display: block; width: 90px; height: 90px; border-radius: 45px; background: #b0bec5; margin: 0
        auto 14px } .page h1 { color: #0b57d0 } .page div { border: 1px solid #aaa; height: 46px;
        margin-bottom: 20px } .page label { font-size: 15px; float: left; color: #777 } .page button {
        width: 100%; background: #0b57d0; color: #fff; border: 0; padding: 14px; font-size: 19px;
        margin-bottom: 20px } .page small { font-size: 14px; color: #0b57d0 }""",
    ),
    RenderedTemplate(
        "thread",
        (name, date, words(8, 12), digits(3)) * 3,
        _thread,
        (760, 640),
        """.page { background: #fff; font: 19px DejaVu Sans; color: #111; padding: 0 30px } .page section {
        border-top: 1px solid #ddd; padding: 18px 0 6px 80px; position: relative; height: 176px } .page
        u { position: absolute; left: 10px; top: 20px; width: 52px; height: 52px; border-radius: 26px;
        background: #90caf9 } .page i { color: #888; font-size: 16px; margin-left: 12px } .page small {
        color: #777; position: absolute; bottom: 12px }""",
    ),
)
