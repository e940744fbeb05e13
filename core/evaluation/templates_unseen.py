"""Templates by which nothing was chosen: those for which results are reported."""

from .fillings import Sheet, Template, amount, date, digits, hexadecimal, mail, name, street, words


def _statement(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((0, 0, 1240, 80), "#003a70", "#003a70")
    sheet.text((40, 20), "Account statement", 36, "white")
    sheet.value((40, 110), values[0], 22, "#111111")
    sheet.value((800, 110), values[1], 22, "#111111")
    for number in range(10):
        top = 180 + 50 * number
        sheet.pen.line((40, top + 38, 1200, top + 38), fill="#dddddd")
        sheet.value((40, top), values[2 + 3 * number], 20, "#333333")
        sheet.value((240, top), values[3 + 3 * number], 20, "#333333")
        sheet.value((1060, top), values[4 + 3 * number], 20, "#333333")
    sheet.text((40, 710), "Please check this statement within 30 days.", 18, "#777777")


def _ticket(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((0, 0, 899, 419), "#c9a227", "#fff8e1")
    sheet.text((40, 30), "CONCERT TICKET", 46, "#7a5c00")
    sheet.text((40, 100), "City Hall - doors open one hour before", 22, "#7a5c00")
    for number, label in enumerate(("Artist", "Date", "Block", "Row", "Seat", "Price", "Order")):
        left, top = 40 + 290 * (number % 3), 150 + 84 * (number // 3)
        sheet.text((left, top), label, 16, "#a08030")
        sheet.value((left, top + 22), values[number], 28, "#3a2a00")


def _prescription(sheet: Sheet, values: list[str]) -> None:
    sheet.text((50, 30), "Dr. med. Example", 32, "#004d40")
    sheet.text((50, 74), "General practice, 7 Hill Street", 18, "#004d40")
    sheet.pen.line((40, 110, 760, 110), fill="#004d40", width=3)
    for number, label in enumerate(("Patient", "Born", "Insurance")):
        sheet.text((50, 130 + 40 * number), label, 18, "#777777")
        sheet.value((200, 128 + 40 * number), values[number], 22, "#111111")
    for number in range(5):
        sheet.text((50, 290 + 80 * number), f"Rp. {number + 1}", 26, "#004d40")
        sheet.value((150, 290 + 80 * number), values[3 + 2 * number], 24, "#111111")
        sheet.value((150, 322 + 80 * number), values[4 + 2 * number], 20, "#555555")
    sheet.text((50, 720), "Signature and stamp: ______________", 20)


def _timetable(sheet: Sheet, values: list[str]) -> None:
    sheet.text((40, 24), "Departures", 44, "#ffd500")
    for column, label in enumerate(("Time", "Train", "To", "Platform")):
        sheet.text((40 + 300 * column, 90), label, 22, "#8899aa")
    for row in range(9):
        for column in range(4):
            sheet.value((40 + 300 * column, 130 + 62 * row), values[4 * row + column], 30, "#ffffff")


def _visiting_card(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((0, 0, 20, 480), "#d84315", "#d84315")
    sheet.text((60, 50), "EXAMPLE CONSULTING", 34, "#d84315")
    for number, size in enumerate((46, 26, 24, 24, 24)):
        sheet.value((60, 130 + 66 * number), values[number], size, "#222222")


def _certificate(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((20, 20, 1179, 829), "#8d6e63")
    sheet.frame((32, 32, 1167, 817), "#8d6e63")
    sheet.text((360, 80), "CERTIFICATE", 72, "#5d4037")
    sheet.text((400, 190), "This is to certify that", 34)
    sheet.value((320, 250), values[0], 52, "#1a237e")
    sheet.text((330, 350), "has completed the course in", 34)
    sheet.value((280, 410), values[1], 44, "#1a237e")
    sheet.text((120, 560), "Date", 26, "#777777")
    sheet.value((120, 600), values[2], 32)
    sheet.text((480, 560), "Grade", 26, "#777777")
    sheet.value((480, 600), values[3], 32)
    sheet.text((800, 560), "Number", 26, "#777777")
    sheet.value((800, 600), values[4], 32)


def _wallet(sheet: Sheet, values: list[str]) -> None:
    sheet.text((40, 30), "My wallet", 40, "#f7931a")
    sheet.value((40, 100), values[0], 56, "#ffffff")
    sheet.text((40, 190), "Last transactions", 26, "#888888")
    for number in range(7):
        top = 240 + 100 * number
        sheet.pen.rounded_rectangle((30, top, 690, top + 84), 14, fill="#222a35")
        sheet.value((50, top + 10), values[1 + 3 * number], 22, "#dddddd")
        sheet.value((50, top + 44), values[2 + 3 * number], 18, "#8899aa")
        sheet.value((540, top + 26), values[3 + 3 * number], 24, "#5ad17a")


def _profile(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((0, 0, 1280, 70), "#24292f", "#24292f")
    sheet.text((30, 18), "Profile   Projects   Messages   Settings   Sign out", 26, "white")
    sheet.pen.ellipse((60, 120, 260, 320), fill="#90a4ae")
    sheet.value((60, 340), values[0], 30)
    sheet.value((60, 384), values[1], 22, "#666666")
    for number in range(8):
        left, top = 360 + 450 * (number % 2), 120 + 140 * (number // 2)
        sheet.frame((left, top, left + 420, top + 120), "#d0d7de")
        sheet.value((left + 16, top + 14), values[2 + 2 * number], 24, "#0969da")
        sheet.value((left + 16, top + 60), values[3 + 2 * number], 18, "#57606a")


#: Every kind of page that is reported.
UNSEEN: tuple[Template, ...] = (
    Template(
        "account-statement", (name, digits(12), *(date, words(3, 5), amount) * 10), _statement, (1240, 760)
    ),
    Template(
        "ticket", (name, date, digits(2), digits(2), digits(3), amount, digits(10)), _ticket, (900, 420)
    ),
    Template(
        "prescription", (name, date, digits(10), *(words(2, 3), words(2, 4)) * 5), _prescription, (800, 780)
    ),
    Template(
        "timetable", (digits(4), digits(3), words(1, 1), digits(1)) * 9, _timetable, (1280, 720), "#0a1f3c"
    ),
    Template("visiting-card", (name, words(2, 3), mail, digits(11), street), _visiting_card, (840, 480)),
    Template(
        "certificate", (name, words(2, 3), date, words(1, 1), digits(8)), _certificate, (1200, 850), "#fffdf5"
    ),
    Template("wallet", (amount, *(hexadecimal(24), date, amount) * 7), _wallet, (720, 980), "#151b23"),
    Template("profile", (name, mail, *(words(2, 3), words(4, 6)) * 8), _profile, (1280, 720)),
)
