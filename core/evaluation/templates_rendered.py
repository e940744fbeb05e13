"""Rendered templates by which options may be chosen: a survey, text messages, a price table, an account."""

from .fillings import amount, date, digits, mail, name, street, words
from .rendering import RenderedTemplate, Slots


def _survey(v: Slots) -> str:
    labels = (
        "Full name",
        "Address",
        "Date of birth",
        "Telephone",
        "E-mail",
        "Occupation",
        "Household",
        "Notes",
    )
    rows = "".join(f"<label>{label}<p>{v[place]}</p></label>" for place, label in enumerate(labels))
    return (
        f"<h1>Customer survey</h1><i>Your answers stay confidential.</i><div>{rows}</div>"
        "<button>Send</button>"
    )


def _messages(v: Slots) -> str:
    rows = "".join(
        f'<p class="{"right" if place % 3 == 2 else "left"}">{v[place]}</p>' for place in range(1, 11)
    )
    return f"<header>&#8592; &nbsp; {v[0]}</header>{rows}<footer>Text message</footer>"


def _prices(v: Slots) -> str:
    rows = "".join(
        f"<tr><td>{row + 1}<td>{v[3 * row]}<td>{v[3 * row + 1]}<td>{v[3 * row + 2]}" for row in range(9)
    )
    return f"<h2>Price list</h2><table><tr><th>#<th>Article<th>Number<th>Price{rows}</table>"


def _account(v: Slots) -> str:
    return (
        f"<nav>MyTelco <span>Bills</span><span>Usage</span><span>Help</span></nav><h2>Hello, {v[0]}</h2>"
        f"<section><b>Contract</b>{v[1]}<b>Number</b>{v[2]}<b>Next"
        f" bill</b>{v[3]}<b>Amount</b>{v[4]}</section>"
        f"<section><b>Address</b>{v[5]}<b>E-mail</b>{v[6]}<b>Since</b>{v[7]}<b>Remark</b>{v[8]}</section>"
    )


#: Every rendered kind that is not reported.
RENDERED: tuple[RenderedTemplate, ...] = (
    RenderedTemplate(
        "survey",
        (name, street, date, digits(11), mail, words(1, 2), digits(1), words(4, 7)),
        _survey,
        (1000, 720),
        """.page { background: #f7f7fb; font: 18px Liberation Sans; padding: 30px 60px; color: #223 } .page
        div { display: grid; grid-template-columns: 1fr 1fr; gap: 14px 40px; margin: 20px 0 } .page
        label { font-size: 14px; color: #667 } .page p { background: #fff; border: 1px solid #aab;
        padding: 10px; margin: 4px 0; font-size: 19px; color: #113; border-radius: 4px; height: 46px }
        .page button { background: #3a55c8; color: #fff; font-size: 18px; padding: 10px 40px; border: 0
        }""",
    ),
    RenderedTemplate(
        "text-messages",
        (name, *(words(2, 3),) * 10),
        _messages,
        (540, 960),
        """.page { background: #fff; font: 19px DejaVu Sans } .page header { background: #eceff1; padding:
        22px; font-weight: bold } .page p { padding: 12px 18px; margin: 10px 16px; border-radius: 18px;
        max-width: 70%; width: fit-content; background: #e9e9eb } .page .right { background: #2f80ed;
        color: #fff; margin-left: auto } .page footer { position: absolute; bottom: 16px; left: 20px;
        right: 20px; border: 1px solid #bbb; border-radius: 20px; padding: 10px 18px; color: #999 }""",
    ),
    RenderedTemplate(
        "price-list",
        (words(2, 3), digits(6), amount) * 9,
        _prices,
        (1100, 640),
        """.page { background: #fff; font: 20px Liberation Serif; padding: 20px 50px; color: #222 } .page
        table { width: 100%; border-collapse: collapse } .page td, .page th { border-bottom: 1px solid
        #999; padding: 11px; text-align: left } .page tr:nth-child(even) { background: #f2efe8 }""",
    ),
    RenderedTemplate(
        "account",
        (name, words(2, 2), digits(10), date, amount, street, mail, date, words(3, 5)),
        _account,
        (1280, 600),
        """.page { background: #fafafa; font: 20px Liberation Sans; color: #333 } .page nav { background:
        #7a0fa8; color: #fff; padding: 20px 60px; font-size: 26px } .page nav span { font-size: 18px;
        margin-left: 50px } .page h2 { margin: 30px 60px } .page section { display: inline-grid;
        grid-template-columns: 1fr 2fr; width: 540px; margin: 0 0 0 60px; padding: 20px; gap: 24px;
        background: #fff; border: 1px solid #ddd } .page b { color: #7a0fa8; font-weight: normal }""",
    ),
)
