"""Brands of our own drawing and their pages, for looks_like.py: HTML with CSS and SVG, made from seeds.

`Brand.of(seed)` is a name, a logo of SVG shapes and a wordmark, colours, and a layout. `page` draws one of
its pages; `Changes` says what an imitation has otherwise. Brands share what real ones share: layouts, fonts,
words, the fields and buttons of a few frameworks, a cookie banner. So two brands in one layout differ in
logo, colours, and some words alone.
"""

from __future__ import annotations

import colorsys
import random
from dataclasses import dataclass

#: Layouts that brands share.
LAYOUTS = ("card", "split", "header", "portal", "webmail", "shop", "courier", "dark")
FONTS = (
    "Liberation Sans",
    "Liberation Serif",
    "Liberation Mono",
    "Liberation Sans Narrow",
    "DejaVu Sans",
    "DejaVu Serif",
    "DejaVu Sans Mono",
    "DejaVu Sans Condensed",
)
SYLLABLES = [
    "ban",
    "cor",
    "del",
    "fin",
    "gra",
    "hel",
    "jun",
    "kal",
    "lor",
    "mer",
    "nov",
    "ost",
    "pel",
    "quin",
    "ras",
    "sol",
    "tra",
    "ulm",
    "ven",
    "wix",
    "yor",
    "zan",
]
ENDINGS = ("a", "o", "ia", "ex", "is", "on", "ly", "um", "er", "ix", "ora", "ent")
SECTORS = ("Bank", "Mail", "Pay", "Cloud", "Post", "Direct", "Telecom", "Wallet", "Market", "")
#: Words of the pages: English, German, French.
WORDS = {
    "en": {
        "login": "Sign in",
        "user": "Email address",
        "password": "Password",
        "forgot": "Forgot password?",
        "new": "Create an account",
        "help": "Help",
        "about": "About us",
        "contact": "Contact",
        "legal": "Terms and privacy",
        "welcome": "Welcome back",
        "verify": "Verify your account",
        "notice": "We noticed unusual activity. Confirm your details within 24 hours to keep access.",
        "news": "Latest news",
        "cart": "Add to cart",
        "track": "Track a parcel",
        "robot": "I am not a robot",
    },
    "de": {
        "login": "Anmelden",
        "user": "E-Mail-Adresse",
        "password": "Passwort",
        "forgot": "Passwort vergessen?",
        "new": "Konto eröffnen",
        "help": "Hilfe",
        "about": "Über uns",
        "contact": "Kontakt",
        "legal": "AGB und Datenschutz",
        "welcome": "Willkommen zurück",
        "verify": "Konto bestätigen",
        "notice": "Ungewöhnliche Aktivität. Bestätigen Sie Ihre Angaben binnen 24 Stunden.",
        "news": "Aktuelles",
        "cart": "In den Warenkorb",
        "track": "Sendung verfolgen",
        "robot": "Ich bin kein Roboter",
    },
    "fr": {
        "login": "Se connecter",
        "user": "Adresse e-mail",
        "password": "Mot de passe",
        "forgot": "Mot de passe oublié ?",
        "new": "Créer un compte",
        "help": "Aide",
        "about": "Qui sommes-nous",
        "contact": "Contact",
        "legal": "Mentions légales",
        "welcome": "Bon retour",
        "verify": "Vérifiez votre compte",
        "notice": "Activité inhabituelle. Confirmez vos données sous 24 heures.",
        "news": "Actualités",
        "cart": "Ajouter au panier",
        "track": "Suivre un colis",
        "robot": "Je ne suis pas un robot",
    },
}
LOREM = [
    "Manage everything in one place",
    "Transfers arrive within seconds",
    "Our service team answers day and night",
    "Opening hours may differ on public holidays",
    "Rates are updated every morning",
    "Read how we protect what you entrust to us",
    "Parcels are delivered from Monday to Saturday",
    "New customers save on their first order.",
]


@dataclass(frozen=True, slots=True)
class Brand:
    """What a brand looks like."""

    name: str
    seed: int
    layout: str
    primary: str
    accent: str
    ground: str
    font: str
    logo_font: str
    radius: int
    #: "beside": symbol and wordmark; "word", "badge": wordmark alone; "symbol": symbol alone.
    logo: str

    @classmethod
    def of(cls, seed: int) -> Brand:
        """Return the brand of a seed."""
        draw = random.Random(f"brand {seed}")
        hue = draw.random()
        primary = _colour(hue, draw.uniform(0.25, 0.48), draw.uniform(0.55, 1.0))
        accent = _colour(hue + draw.choice([0.08, 0.33, 0.5, 0.0]), draw.uniform(0.45, 0.6), 0.85)
        ground = draw.choice(["#ffffff", "#ffffff", "#f4f5f7", _colour(hue, 0.96, 0.5)])
        name = draw.choice(SYLLABLES).title() + draw.choice(SYLLABLES) * draw.randint(0, 1)
        name += draw.choice(ENDINGS)
        sector = draw.choice(SECTORS)
        return cls(
            f"{name} {sector}".strip() if draw.random() < 0.6 else name,
            seed,
            LAYOUTS[seed % len(LAYOUTS)],
            primary,
            accent,
            ground,
            draw.choice(FONTS[:2] + FONTS[4:6] + FONTS[:1]),
            draw.choice(FONTS),
            draw.choice([0, 3, 6, 14, 24]),
            draw.choice(["beside", "beside", "beside", "word", "badge", "symbol"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a page has otherwise than the original."""

    language: str = "en"
    layout: str | None = None
    logo_scale: float = 1.0
    logo_centred: bool | None = None
    button: str | None = None
    footer: bool = True
    navigation: bool = True
    captcha: bool = False
    notice: bool = False
    #: An older version: other corners, type sizes and spacing.
    old: bool = False
    cookie: bool = False


def _colour(hue: float, lightness: float, saturation: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def symbol(brand: Brand, size: float, *, light: bool) -> str:
    """Return the brand's symbol as SVG."""
    draw = random.Random(f"symbol {brand.seed}")
    one, two = ("#ffffff", brand.accent) if light else (brand.primary, brand.accent)
    kind = draw.randrange(9)
    if kind == 0:
        back = f'<rect x="4" y="4" width="92" height="92" rx="{draw.choice([8, 20, 46])}" fill="{one}"/>'
        text_colour = brand.primary if light else "#ffffff"
        body = back + (
            f'<text x="50" y="74" font-size="68" font-weight="bold" text-anchor="middle" '
            f'fill="{text_colour}" '
            f'font-family="{brand.logo_font}">{brand.name[0]}</text>'
        )
    elif kind == 1:
        body = f'<circle cx="38" cy="50" r="34" fill="{one}"/>'
        body += f'<circle cx="66" cy="50" r="{draw.randint(18, 32)}" fill="{two}" fill-opacity=".85"/>'
    elif kind == 2:
        count, tilt = draw.randint(3, 5), draw.choice([-20, 0, 20])
        body = "".join(
            f'<rect x="{8 + 84 / count * i}" y="{90 - draw.randint(25, 80)}" width="{60 / count}" '
            f'height="90" fill="{one if i % 2 else two}" transform="skewX({tilt / 4})"/>'
            for i in range(count)
        )
    elif kind == 3:
        points = " ".join(f"{draw.randint(5, 95)},{draw.randint(5, 95)}" for _ in range(5))
        body = f'<polygon points="{points}" fill="{one}"/><circle cx="{draw.randint(25, 75)}" '
        body += f'cy="{draw.randint(25, 75)}" r="14" fill="{two}"/>'
    elif kind == 4:
        body = (
            f'<circle cx="50" cy="50" r="38" fill="none" stroke="{one}" '
            f'stroke-width="{draw.randint(10, 22)}" '
        )
        body += (
            f'stroke-dasharray="{draw.randint(90, 190)} 48" '
            f'transform="rotate({draw.randint(0, 359)} 50 50)"/>'
        )
        body += f'<circle cx="50" cy="50" r="{draw.randint(6, 16)}" fill="{two}"/>'
    elif kind == 5:
        body = f'<path d="M50 4 L92 20 V52 C92 76 74 90 50 97 C26 90 8 76 8 52 V20 Z" fill="{one}"/>'
        body += f'<path d="M{draw.randint(22, 36)} 52 L46 {draw.randint(66, 78)} L{draw.randint(68, 80)} 30" '
        body += f'stroke="{two}" stroke-width="{draw.randint(8, 14)}" fill="none"/>'
    elif kind == 6:
        bits = [draw.random() < 0.6 for _ in range(9)]
        body = "".join(
            f'<circle cx="{18 + 32 * (i % 3)}" cy="{18 + 32 * (i // 3)}" r="13" '
            f'fill="{one if i % 2 else two}"/>'
            for i in range(9)
            if bits[i]
        )
    elif kind == 7:
        body = (
            f'<path d="M6 {draw.randint(50, 80)} C 30 {draw.randint(0, 40)}, 60 {draw.randint(60, 110)}, 94 '
        )
        body += (
            f'{draw.randint(15, 40)} L94 94 L6 94 Z" fill="{one}"/><circle cx="28" cy="22" r="14" '
            f'fill="{two}"/>'
        )
    else:
        turn = draw.randint(0, 89)
        body = "".join(
            f'<ellipse cx="50" cy="26" rx="{draw.choice([12, 16])}" ry="24" fill="{one if i % 2 else two}" '
            f'transform="rotate({turn + i * 360 / 5} 50 50)"/>'
            for i in range(5)
        )
    return f'<svg viewBox="0 0 100 100" width="{size}" height="{size}" style="flex:none">{body}</svg>'


def logo(brand: Brand, height: float, *, light: bool) -> str:
    """Return the brand's logo, `height` CSS pixels high; `light`: for a coloured ground."""
    draw = random.Random(f"logo {brand.seed}")
    colour = "#ffffff" if light else brand.primary
    weight, style = draw.choice(["bold", "bold", "normal"]), draw.choice(["normal", "normal", "italic"])
    case = draw.choice(["none", "none", "uppercase", "lowercase"])
    spacing = draw.choice([-0.03, 0, 0, 0.06, 0.14])
    face = (
        f"font-family:'{brand.logo_font}';font-weight:{weight};font-style:{style};text-transform:{case};"
        f"letter-spacing:{spacing}em;line-height:1;white-space:nowrap"
    )
    cut = draw.randint(2, max(2, len(brand.name) - 2))
    split = f'{brand.name[:cut]}<span style="color:{brand.accent}">{brand.name[cut:]}</span>'
    if brand.logo == "badge":
        return (
            f'<span style="{face};font-size:{0.62 * height}px;background:{colour};padding:{0.2 * height}px '
            f"{0.3 * height}px;border-radius:{draw.choice([0, 4, 12])}px;"
            f'color:{brand.primary if light else "#fff"}">{brand.name}</span>'
        )
    word = f'<span style="{face};font-size:{0.72 * height}px;color:{colour}">'
    word += (split if brand.logo == "word" or draw.random() < 0.4 else brand.name) + "</span>"
    if brand.logo == "word":
        return word
    picture = symbol(brand, height if brand.logo == "beside" else 1.4 * height, light=light)
    if brand.logo == "symbol":
        return picture
    return (
        f'<span style="display:inline-flex;align-items:center;gap:{0.25 * height}px">{picture}{word}</span>'
    )


def _form(brand: Brand, changes: Changes, *, wide: bool = False) -> str:
    words = WORDS[changes.language]
    radius = 2 if changes.old else brand.radius
    size, pad = (14, 8) if changes.old else (16, 12)
    field = (
        f"width:100%;box-sizing:border-box;border:1px solid #b8bcc4;border-radius:{radius}px;padding:{pad}px;"
        f"margin:6px 0 14px;font-size:{size}px;background:#fff;color:#777"
    )
    button = changes.button or brand.primary
    heading = words["verify"] if changes.notice else words["login"]
    parts = [f'<h1 style="font-size:{22 if changes.old else 26}px;margin:0 0 14px">{heading}</h1>']
    if changes.notice:
        parts.append(
            f'<p style="background:#fff3cd;color:#664d03;padding:10px;margin:0 0 12px">{words["notice"]}</p>'
        )
    for label in ("user", "password"):
        parts.append(f'<label>{words[label]}</label><div style="{field}">&nbsp;</div>')
    if changes.captcha:
        parts.append(
            '<div style="border:1px solid #ccc;background:#fafafa;padding:18px;margin:0 0 14px;color:#222">'
            '<span style="display:inline-block;width:22px;height:22px;border:2px solid #999;'
            f'vertical-align:middle;margin-right:10px"></span>{words["robot"]}</div>'
        )
    parts.append(
        f'<div style="background:{button};color:#fff;text-align:center;padding:{pad}px;'
        f"border-radius:{radius}px;"
        f'font-weight:bold;font-size:{size}px">{words["login"]}</div>'
    )
    parts.append(
        f'<p style="color:{brand.primary};font-size:14px;display:flex;justify-content:space-between;'
        f'flex-wrap:wrap;margin:14px 0 0"><span>{words["forgot"]}</span><span>{words["new"]}</span></p>'
    )
    return f'<div style="max-width:{520 if wide else 380}px;margin:0 auto;color:#222">{"".join(parts)}</div>'


def _text(brand: Brand, number: int, *, heading: str) -> str:
    draw = random.Random(f"text {brand.seed} {number}")
    lines = ". ".join(draw.sample(LOREM, 3)) + "."
    return f'<h2 style="font-size:20px;margin:18px 0 6px;color:{brand.primary}">{heading}</h2><p>{lines}</p>'


def _hero(brand: Brand, height: int) -> str:
    draw = random.Random(f"hero {brand.seed}")
    shapes = "".join(
        f'<circle cx="{draw.randint(0, 600)}" cy="{draw.randint(0, 300)}" r="{draw.randint(20, 140)}" '
        f'fill="{draw.choice([brand.accent, brand.primary, "#ffffff"])}" '
        f'fill-opacity="{draw.uniform(0.2, 0.7):.2f}"/>'
        if draw.random() < 0.5
        else f'<rect x="{draw.randint(0, 500)}" y="{draw.randint(0, 250)}" width="{draw.randint(40, 260)}" '
        f'height="{draw.randint(20, 160)}" transform="rotate({draw.randint(-40, 40)} 300 150)" '
        f'fill="{draw.choice([brand.accent, brand.primary, "#ffffff"])}" '
        f'fill-opacity="{draw.uniform(0.2, 0.7):.2f}"/>'
        for _ in range(9)
    )
    return (
        f'<svg viewBox="0 0 600 300" preserveAspectRatio="xMidYMid slice" style="width:100%;'
        f"height:{height}px;"
        f'display:block;background:{brand.primary}">{shapes}</svg>'
    )


def _wares(brand: Brand, words: dict[str, str]) -> str:
    draw = random.Random(f"wares {brand.seed}")
    tiles = "".join(
        f'<div style="border:1px solid #ddd;border-radius:{brand.radius}px;padding:10px;width:200px">'
        f'<svg viewBox="0 0 100 60" width="200" height="110"><rect width="100" height="60" fill="#eee"/>'
        f'<rect x="{draw.randint(5, 40)}" y="{draw.randint(5, 20)}" width="{draw.randint(15, 50)}" '
        f'height="{draw.randint(15, 35)}" fill="{_colour(draw.random(), 0.5, 0.5)}"/></svg>'
        f"<b>{draw.choice(SYLLABLES).title()} {draw.randint(10, 99)}</b><br>{draw.randint(5, 99)}.90<br>"
        f'<span style="color:{brand.primary}">{words["cart"]}</span></div>'
        for _ in range(8)
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:14px">{tiles}</div>'


def page(brand: Brand, kind: str, changes: Changes = Changes()) -> str:
    """Return a page of a brand as HTML; `kind`: "login" or "other"."""
    words, layout = WORDS[changes.language], changes.layout or brand.layout
    height = random.Random(f"height {brand.seed}").randint(26, 52) * changes.logo_scale
    coloured = layout in ("header", "courier", "dark", "portal") and brand.seed % 3 > 0
    dark = layout == "dark"
    mark = logo(brand, height, light=coloured or dark)
    entries = [words[name] for name in ("about", "help", "contact", "new")]
    if layout == "portal":
        entries += [words["news"], words["track"]]
    bar_ground, bar_text = (brand.primary, "#fff") if coloured else ("#ffffff", "#333")
    if dark:
        bar_ground, bar_text = "#15171c", "#ddd"
    navigation = "".join(f'<span style="margin-left:26px">{entry}</span>' for entry in entries)
    centred = changes.logo_centred if changes.logo_centred is not None else layout in ("card", "split")
    bar = (
        f'<div style="background:{bar_ground};color:{bar_text};display:flex;flex-wrap:wrap;gap:12px;'
        f"align-items:center;justify-content:{'center' if centred else 'space-between'};padding:18px 34px;"
        f"border-bottom:{3 if layout == 'portal' else 1}px solid "
        f'{brand.accent if layout == "portal" else "#ddd"}">'
        f"{mark}{'' if centred or not changes.navigation else f'<span>{navigation}</span>'}</div>"
    )
    form = _form(brand, changes, wide=layout == "portal")
    texts = [_text(brand, i, heading=words[name]) for i, name in enumerate(("news", "about", "help"))]
    shadow = "box-shadow:0 2px 14px #0002;background:#fff"
    columns = "".join(f'<div style="flex:1;min-width:220px">{text}</div>' for text in texts)
    if kind == "other":
        body = (
            _hero(brand, 220)
            + f'<div style="padding:24px 34px;display:flex;flex-wrap:wrap;gap:30px">{columns}</div>'
        )
        if layout in ("shop", "courier"):
            body = f'<div style="padding:24px 34px">{_wares(brand, words)}{texts[0]}</div>'
    elif layout == "card":
        body = (
            f'<div style="max-width:420px;margin:40px auto;padding:30px;{shadow};'
            f'border-radius:{brand.radius}px">{form}</div>'
        )
    elif layout == "split":
        body = (
            f'<div style="display:flex;flex-wrap:wrap"><div style="flex:1;min-width:300px">'
            f"{_hero(brand, 560)}</div>"
            f'<div style="flex:1;min-width:300px;padding:50px 30px;box-sizing:border-box">{form}</div></div>'
        )
    elif layout in ("header", "dark"):
        body = (
            f'<div style="padding:50px 30px"><div style="padding:28px;max-width:460px;margin:auto;'
            f'background:#fff">{form}</div></div>'
        )
    elif layout == "portal":
        body = (
            '<div style="display:flex;flex-wrap:wrap;gap:30px;padding:30px 34px">'
            f'<div style="flex:2;min-width:300px;{shadow};padding:24px">{form}</div>'
            f'<div style="flex:1;min-width:220px">{texts[0]}{texts[1]}</div></div>'
        )
    elif layout == "webmail":
        body = (
            f'<div style="background:{brand.primary}22;padding:40px 20px"><div '
            f'style="max-width:760px;margin:auto;'
            f'display:flex;flex-wrap:wrap;{shadow}"><div style="flex:1;min-width:240px;'
            f"background:{brand.primary};"
            f'color:#fff;padding:30px"><h2>{words["welcome"]}</h2><p>{". ".join(LOREM[:2])}.</p></div>'
            f'<div style="flex:1;min-width:280px;padding:30px">{form}</div></div></div>'
        )
    else:
        body = (
            f'{_hero(brand, 140)}<div style="display:flex;flex-wrap:wrap;gap:40px;padding:30px 34px">'
            f'<div style="flex:1;min-width:300px">{form}</div><div style="flex:1;min-width:240px">{texts[0]}'
            f"{texts[1] if changes.footer else ''}</div></div>"
        )
    footer = ""
    if changes.footer:
        links = " &nbsp; ".join(words[name] for name in ("about", "help", "contact", "legal"))
        footer = (
            f'<div style="padding:20px 34px;font-size:13px;color:#777;border-top:1px solid #ddd;'
            f'margin-top:20px">'
            f"{links}<br>&copy; 2026 {brand.name}</div>"
        )
    cookie = ""
    if changes.cookie:
        cookie = (
            '<div style="position:fixed;bottom:0;left:0;right:0;background:#222;color:#fff;'
            'padding:18px 34px">'
            "We use cookies to improve our service. <b>Accept all</b> &nbsp; Settings</div>"
        )
    ground = "#23262d" if dark else brand.ground
    colour = "#ccc" if dark else "#222"
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><style>body{{margin:0;background:{ground};'
        f"color:{colour};font:{15 if changes.old else 16}px "
        f"'{brand.font}'}}p{{line-height:1.5}}</style></head>"
        f"<body>{bar}{body}{footer}{cookie}</body></html>"
    )
