"""Rendered templates by which nothing was chosen: those for which results are reported, papers and the like.
templates_rendered_screens.py has those that show an application.
"""

from .fillings import amount, date, digits, hexadecimal, mail, name, street, words
from .rendering import RenderedTemplate, Slots

_TAX = (
    "Surname, first name", "Tax number", "Street", "Bank account", "Date of birth", "Spouse", "Wages",
    "Interest", "Deductions", "Donations", "Employer", "Place, date",
)  # fmt: skip
_LICENCE = ("1. Name", "2. First name", "3. Birth", "4a. Issued", "4b. Expires", "5. Number", "8. Residence")
_RAIL = ("Passenger", "From", "To", "Train", "Date", "Coach", "Seat", "Booking")


def _tax_form(v: Slots) -> str:
    cells = "".join(
        f"<div><small>{place + 1}</small><i>{label}</i>{v[place]}</div>" for place, label in enumerate(_TAX)
    )
    return f"<h1>Income tax return <b>FORM 1-A</b></h1><p>Use black ink. Do not staple.</p>{cells}"


def _till_slip(v: Slots) -> str:
    rows = "".join(f"<p>{v[2 * row]}<b>{v[2 * row + 1]}</b></p>" for row in range(7))
    return (
        f"<h3>GREEN GROCER</h3><center>12 High Street<br>Tel 555 0142</center><hr>{rows}<hr>"
        f"<p>SUM<b>{v[14]}</b></p><p>{v[15]}<b>{v[16]}</b></p><hr><center>Thank you!<br>Returns"
        " within 14 days</center>"
    )


def _licence(v: Slots) -> str:
    rows = "".join(f"<p><small>{label}</small>{v[place]}</p>" for place, label in enumerate(_LICENCE))
    face = (
        '<svg width="210" height="270"><rect width="210" height="270" fill="#c9c4bb"/><circle'
        ' cx="105" cy="105"'
        ' r="58" fill="#8d8478"/><path d="M10 270a95 95 0 0 1 190 0z" fill="#6d6458"/></svg>'
    )
    return f"<h1>DRIVING LICENCE</h1>{face}<main>{rows}</main><footer>{v[7]}</footer>"


def _rail_ticket(v: Slots) -> str:
    cells = "".join(f"<div><small>{label}</small>{v[place]}</div>" for place, label in enumerate(_RAIL))
    return (
        f"<h2>&#9654; NORTH RAIL <span>E-ticket</span></h2><main>{cells}</main><p>Valid with photo"
        " ID only.</p>"
    )


def _order(v: Slots) -> str:
    rows = "".join(f"<tr><td>{v[4 + 3 * row]}<td>{v[5 + 3 * row]}<td>{v[6 + 3 * row]}" for row in range(5))
    return (
        f"<h1>Thanks for your order!</h1><p>Order {v[0]} placed on {v[1]}</p><p>Ship to: {v[2]}, {v[3]}</p>"
        f"<table><tr><th>Product<th>Qty<th>Price{rows}<tr><th>Total<th><th>{v[19]}</table>"
        "<button>Track parcel</button>"
    )


def _lock_screen(v: Slots) -> str:
    return (
        "<h1>&#9888; Ooops, your files have been locked!</h1><aside><b>Payment will be raised on</b>"
        f"<p>{v[0]}</p><b>Your files will be lost on</b><p>{v[1]}</p></aside><main><h3>What"
        " happened?</h3>Your "
        "documents, photos and databases are no longer accessible, because they have been locked. Nobody can "
        "recover them without our service.<h3>How do I pay?</h3>Payment is accepted in Bitcoin"
        " only. Send the "
        f"amount to this address and write to us.<h3>Your key</h3>{v[2]}</main><footer>Send {v[3]} to "
        f"<code>{v[4]}</code><br>{v[5]}</footer>"
    )


def _recovery_words(v: Slots) -> str:
    cells = "".join(f"<div><small>{place + 1}</small>{v[place]}</div>" for place in range(24))
    return (
        f"<h1>Back up your wallet</h1><p>Anyone with these words can take your funds.</p><main>{cells}</main>"
    )


def _payment_code(v: Slots) -> str:
    return f"<h2>Pay with your phone</h2>{v.qr(0, 380)}<p>Amount: {v[1]}</p><p>To: {v[2]}</p>"


def _parcel_label(v: Slots) -> str:
    return (
        f"<h2>EXPRESS <span>24h</span></h2><p>{v[0]}<br>{v[1]}</p>"
        f"<hr>{v.bars(2, (600, 170))}<center>{v[3]}</center>"
    )


#: Rendered kinds that are reported: papers.
RENDERED_PAPERS: tuple[RenderedTemplate, ...] = (
    RenderedTemplate(
        "tax-form",
        (name, digits(11), street, digits(18), date, name, amount, amount, amount, amount, words(2, 3), date),
        _tax_form,
        (1000, 900),
        """.page { background: #fff; font: 20px Liberation Serif; padding: 30px 50px; color: #000 } .page
        h1 { font-size: 32px } .page h1 b { float: right; border: 2px solid #000; padding: 4px 14px }
        .page div { border: 1px solid #2a7; width: 450px; height: 94px; float: left; padding: 8px 12px }
        .page i { font-size: 13px; color: #2a7; display: block; margin-bottom: 10px } .page small {
        float: right; color: #2a7 } .page span { font: 22px Liberation Mono }""",
    ),
    RenderedTemplate(
        "till-slip",
        (*(words(1, 2), amount) * 7, amount, date, digits(4)),
        _till_slip,
        (420, 760),
        """.page { background: #fdfdf8; font: 20px Liberation Mono; padding: 20px 30px; color: #333 } .page
        h3 { text-align: center; font-size: 30px; margin: 10px } .page p { margin: 10px 0 } .page p b {
        float: right; font-weight: normal } .page hr { border: 0; border-top: 2px dashed #777 }""",
    ),
    RenderedTemplate(
        "driving-licence",
        (words(1, 1), words(1, 1), date, date, date, hexadecimal(10), street, hexadecimal(30)),
        _licence,
        (860, 540),
        """.page { background: linear-gradient(135deg, #f6d5d5, #dfe6f6 60%, #f3f0cf); font: 24px
        Liberation Sans; padding: 24px 36px; color: #222 } .page h1 { color: #23408e; font-size: 34px;
        margin: 0 0 20px } .page svg { float: left; margin-right: 40px } .page p { margin: 0 0 14px }
        .page small { font-size: 15px; width: 130px; display: inline-block; color: #556 } .page footer {
        position: absolute; bottom: 24px; font: 26px Liberation Mono; letter-spacing: 3px }""",
    ),
    RenderedTemplate(
        "rail-ticket",
        (name, words(1, 1), words(1, 1), digits(3), date, digits(2), digits(2), hexadecimal(8)),
        _rail_ticket,
        (1000, 420),
        """.page { background: #fff; font: 26px Liberation Sans; color: #111 } .page h2 { background:
        #00695c; color: #fff; margin: 0; padding: 20px 40px } .page h2 span { float: right; font-size:
        20px } .page main { display: grid; grid-template-columns: repeat(4, 1fr); gap: 26px; padding:
        30px 40px } .page small { display: block; font-size: 15px; color: #888 } .page p { margin: 10px
        40px; color: #888; font-size: 16px }""",
    ),
    RenderedTemplate(
        "order",
        (digits(10), date, name, street, *(words(3, 5), digits(1), amount) * 5, amount),
        _order,
        (900, 760),
        """.page { background: #fff; font: 19px DejaVu Sans; padding: 24px 60px; color: #222 } .page h1 {
        color: #e47911 } .page table { width: 100%; border-collapse: collapse; margin: 16px 0 } .page
        td, .page th { padding: 12px; border-bottom: 1px solid #ddd; text-align: left; font-weight:
        normal } .page th { background: #fff3e0 } .page button { background: #ffa41c; border: 0;
        border-radius: 20px; padding: 12px 40px; font-size: 18px }""",
    ),
    RenderedTemplate(
        "lock-screen",
        (date, date, hexadecimal(28), amount, hexadecimal(34), mail),
        _lock_screen,
        (1120, 700),
        """.page { background: #7d0a0a; font: 20px Liberation Sans; color: #fff; padding: 24px } .page h1 {
        margin: 0 0 20px 280px; font-size: 34px } .page aside { position: absolute; left: 24px; top:
        120px; width: 230px; text-align: center; border: 1px solid #fff; padding: 20px 8px } .page aside
        p { font-size: 28px; color: #ff6 } .page main { margin-left: 280px; background: #fff; color:
        #111; padding: 14px 24px; height: 400px } .page footer { margin: 20px 0 0 280px; border: 2px
        solid #ff6; padding: 16px } .page code { font: 20px Liberation Mono; color: #ff6 }""",
    ),
    RenderedTemplate(
        "recovery-words",
        (words(1, 1),) * 24,
        _recovery_words,
        (900, 800),
        """.page { background: #16181d; font: 24px Liberation Sans; color: #eee; padding: 30px 60px } .page
        p { color: #e5a13b; font-size: 18px } .page main { display: grid; gap: 16px;
        grid-template-columns: repeat(4, 1fr) } .page div { background: #262a33; border-radius: 10px;
        padding: 22px 14px } .page small { color: #778; font-size: 15px; margin-right: 10px }""",
    ),
    RenderedTemplate(
        "payment-code",
        (digits(8), amount, name),
        _payment_code,
        (600, 680),
        """.page { background: #fff; font: 26px Liberation Sans; text-align: center; color: #122 } .page h2
        { background: #0d47a1; color: #fff; margin: 0 0 24px; padding: 22px } .page p { margin: 12px }""",
    ),
    RenderedTemplate(
        "parcel-label",
        (name, street, digits(16), digits(12)),
        _parcel_label,
        (680, 560),
        """.page { background: #fff; font: 30px Liberation Sans; padding: 20px 36px; color: #000;
        text-align: center } .page h2 { background: #ffcc00; margin: 0; padding: 14px } .page h2 span {
        color: #d40511 } .page p { text-align: left; line-height: 1.6 } .page center { font: 30px
        Liberation Mono; margin-top: 14px }""",
    ),
)
