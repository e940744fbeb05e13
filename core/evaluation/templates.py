"""The templates by which options were chosen: forms, receipts, chats, codes and the like."""

import cv2
import numpy as np

from .fillings import Sheet, Template, amount, date, digits, hexadecimal, mail, name, street, words


def _form(sheet: Sheet, values: list[str]) -> None:
    sheet.text((60, 40), "Application for a residence permit", 34)
    sheet.text((60, 90), "Please fill in all fields in capital letters and sign at the end", 16, "#666666")
    labels = [
        "Name",
        "Street",
        "City",
        "Born",
        "Phone",
        "E-mail",
        "Passport",
        "Employer",
        "Income",
        "Arrival",
        "Sponsor",
        "Remarks",
    ]
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        left, top = 60 + 560 * (number % 2), 140 + 92 * (number // 2)
        sheet.text((left, top), label, 16, "#555555")
        sheet.frame((left, top + 24, left + 520, top + 66))
        sheet.value((left + 10, top + 32), value, 24)
    sheet.text((60, 710), "I confirm that all statements are true.   Signature: ______________________", 18)


def _receipt(sheet: Sheet, values: list[str]) -> None:
    sheet.text((150, 30), "CORNER MARKET", 36)
    sheet.text((120, 80), "Main Square 5 - VAT 4711.0815", 18)
    for number in range(8):
        sheet.value((40, 130 + 44 * number), values[2 * number], 22, "#222222")
        sheet.value((400, 130 + 44 * number), values[2 * number + 1], 22, "#222222")
    sheet.text((40, 500), "-" * 52, 20)
    sheet.text((40, 530), "TOTAL EUR", 32)
    sheet.value((380, 530), values[16], 32, "#222222")
    sheet.text((40, 590), "Card payment   Thank you for your visit", 20)
    sheet.value((40, 630), values[17], 20, "#222222")
    sheet.value((40, 670), values[18], 20, "#222222")


def _card(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((10, 10, 845, 530), "#336699", "#dce8f4")
    sheet.text((40, 30), "IDENTITY CARD", 36, "#224466")
    sheet.text((520, 40), "REPUBLIC OF EXAMPLE", 22, "#224466")
    sheet.frame((40, 110, 260, 390), "#556677", "#b8c4d0")
    sheet.pen.ellipse((100, 150, 200, 270), fill="#8899aa")
    sheet.pen.pieslice((70, 280, 230, 480), 180, 360, fill="#8899aa")
    for number, label in enumerate(
        ("Surname / Name", "Date of birth", "Card number", "Valid until", "Issued by")
    ):
        sheet.text((300, 105 + 62 * number), label, 14, "#557799")
        sheet.value((300, 124 + 62 * number), values[number], 26, "#111111")
    sheet.value((40, 440), "IDEXA" + values[5], 28, "#111111")
    sheet.value((40, 480), values[6], 28, "#111111")


def _boarding(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((0, 0, 1100, 70), "#b01030", "#b01030")
    sheet.text((30, 14), "BOARDING PASS      Example Air", 36, "white")
    labels = ["Passenger", "From", "To", "Flight", "Date", "Gate", "Seat", "Boarding", "Ticket"]
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        left, top = 40 + 350 * (number % 3), 100 + 110 * (number // 3)
        sheet.text((left, top), label, 16, "#888888")
        sheet.value((left, top + 24), value, 30, "#111111")


def _invoice(sheet: Sheet, values: list[str]) -> None:
    sheet.text((60, 50), "INVOICE", 48)
    sheet.text((700, 50), "Example Office Supplies Ltd", 22)
    sheet.text((700, 80), "12 Long Row, Exampleton", 18)
    for number, label in enumerate(("Invoice no", "Customer", "Address", "Due")):
        sheet.text((60, 140 + 34 * number), label, 20, "#666666")
        sheet.value((220, 140 + 34 * number), values[number], 20, "#111111")
    sheet.frame((60, 300, 1160, 340), "#888888", "#eeeeee")
    sheet.text((70, 308), "Item", 20)
    sheet.text((800, 308), "Quantity", 20)
    sheet.text((1020, 308), "Amount", 20)
    for number in range(6):
        sheet.value((70, 360 + 44 * number), values[4 + 3 * number], 20, "#111111")
        sheet.value((800, 360 + 44 * number), values[5 + 3 * number], 20, "#111111")
        sheet.value((1020, 360 + 44 * number), values[6 + 3 * number], 20, "#111111")
    sheet.text((800, 660), "Total", 28)
    sheet.value((1000, 660), values[22], 28, "#111111")


def _mail_page(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((0, 0, 1280, 60), "#1f4e8c", "#1f4e8c")
    sheet.text((24, 14), "Webmail    Inbox   Sent   Drafts   Contacts   Settings", 26, "white")
    sheet.value((40, 90), values[0], 32, "#111111")
    for number, label in enumerate(("From:", "To:", "Date:")):
        sheet.text((40, 150 + 34 * number), label, 20, "#777777")
        sheet.value((130, 150 + 34 * number), values[1 + number], 20, "#111111")
    for number in range(9):
        sheet.value((40, 290 + 40 * number), values[4 + number], 22, "#222222")
    sheet.text((40, 690), "Reply     Reply all     Forward     Delete", 22, "#1f4e8c")


def _chat(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((0, 0, 720, 90), "#075e54", "#075e54")
    sheet.pen.ellipse((20, 15, 80, 75), fill="#cccccc")
    sheet.value((100, 26), values[0], 32, "white")
    for number in range(7):
        left, top = (24, 230)[number % 2], 120 + 130 * number
        sheet.pen.rounded_rectangle(
            (left, top, left + 460, top + 104), 16, fill=("white", "#dcf8c6")[number % 2]
        )
        sheet.value((left + 18, top + 14), values[1 + 2 * number], 24, "#111111")
        sheet.value((left + 18, top + 52), values[2 + 2 * number], 24, "#111111")
    sheet.pen.rounded_rectangle((20, 1040, 700, 1100), 30, fill="white")
    sheet.text((50, 1054), "Type a message", 24, "#999999")


def _ransom(sheet: Sheet, values: list[str]) -> None:
    sheet.text((60, 40), "YOUR FILES ARE ENCRYPTED", 54, "#ff4040")
    for number, line in enumerate(
        (
            "All documents, photos, databases and other important files have been encrypted.",
            "The only way to recover them is to buy the decryption tool from us.",
            "Do not rename files, do not use third party software, do not call the police.",
            "Send the amount below in Bitcoin to the wallet below and write to our address.",
        )
    ):
        sheet.text((60, 140 + 44 * number), line, 26, "#eeeeee")
    for number, label in enumerate(("Your ID:", "Wallet:", "Amount:", "Contact:", "Deadline:")):
        sheet.text((60, 360 + 60 * number), label, 28, "#aaaaaa")
        sheet.value((240, 360 + 60 * number), values[number], 28, "#ffff66")


def _phrase(sheet: Sheet, values: list[str]) -> None:
    sheet.text((200, 50), "Your secret recovery phrase", 44)
    sheet.text(
        (200, 120), "Write these words down in this order and keep them in a safe place.", 22, "#666666"
    )
    for number, value in enumerate(values):
        left, top = 120 + 350 * (number % 3), 190 + 100 * (number // 3)
        sheet.pen.rounded_rectangle((left, top, left + 320, top + 70), 12, outline="#bbbbbb", fill="#f6f6f6")
        sheet.text((left + 16, top + 20), f"{number + 1}.", 26, "#999999")
        sheet.value((left + 70, top + 20), value, 28, "#111111")
    sheet.pen.rounded_rectangle((440, 620, 840, 690), 20, fill="#0376c9")
    sheet.text((540, 634), "I have saved it", 30, "white")


def _qr(sheet: Sheet, values: list[str]) -> None:
    sheet.text((90, 30), "Scan to pay", 40)
    code = cv2.QRCodeEncoder.create().encode(f"https://pay.example/t/{values[0]}")
    sheet.cells((80, 100), np.pad(code, 2, constant_values=255), 500 // (len(code) + 4))


def _barcode(sheet: Sheet, values: list[str]) -> None:
    sheet.text((60, 30), "PARCEL SERVICE", 40)
    sheet.text((60, 90), "Deliver to:", 22, "#666666")
    sheet.value((60, 124), values[0], 28, "#111111")
    sheet.value((60, 164), values[1], 28, "#111111")
    bits = "".join(f"{int(digit) + 17:05b}1{9 - int(digit):04b}0" for digit in values[2])
    row = [255 if bit == "0" else 0 for bit in bits]
    sheet.cells((60, 240), np.repeat([row], 60, axis=0), 4)
    sheet.again((160, 500), values[2], 34, "#111111")


def _calendar(sheet: Sheet, values: list[str]) -> None:
    sheet.text((40, 24), "Team calendar", 36)
    for column, day in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri")):
        sheet.text((70 + 244 * column, 84), day, 22, "#666666")
        for row in range(4):
            left, top = 40 + 244 * column, 120 + 160 * row
            sheet.frame((left, top, left + 236, top + 152), "#cccccc")
            sheet.value((left + 10, top + 40), values[5 * row + column], 20, "#0b5394")


def _board(sheet: Sheet, values: list[str]) -> None:
    sheet.text((60, 24), "Daily sudoku", 36)
    for line in range(10):
        width = 4 if line % 3 == 0 else 1
        sheet.pen.line((60, 90 + 64 * line, 636, 90 + 64 * line), fill="black", width=width)
        sheet.pen.line((60 + 64 * line, 90, 60 + 64 * line, 666), fill="black", width=width)
    for number, value in enumerate(values):
        place = number * 81 // len(values)
        sheet.value((82 + 64 * (place % 9), 100 + 64 * (place // 9)), value, 40, "#111111")


def _spreadsheet(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((0, 0, 1280, 40), "#217346", "#217346")
    sheet.text((20, 8), "File   Home   Insert   Formulas   Data   Review", 20, "white")
    for row in range(16):
        for column in range(6):
            left, top = 40 + 206 * column, 60 + 40 * row
            sheet.frame((left, top, left + 206, top + 40), "#d0d0d0")
            if not row:
                sheet.text((left + 90, top + 8), "ABCDEF"[column], 20, "#666666")
            elif (row * 6 + column) % 3 == 0:
                sheet.value((left + 8, top + 9), values[(row * 6 + column) // 3 - 2], 20, "#111111")


def _terminal(sheet: Sheet, values: list[str]) -> None:
    for number in range(12):
        sheet.text((20, 16 + 58 * number), "root@server:~#", 22, "#44dd44")
        sheet.value((200, 16 + 58 * number), values[2 * number], 22, "#eeeeee")
        sheet.value((20, 44 + 58 * number), values[2 * number + 1], 20, "#bbbbbb")


def _source(sheet: Sheet, values: list[str]) -> None:
    for number, value in enumerate(values):
        sheet.text((16, 20 + 40 * number), f"{number + 1:3}", 22, "#858585")
        sheet.text(
            (80 + 40 * (number % 3), 20 + 40 * number), ("def", "return", "self.")[number % 3], 22, "#569cd6"
        )
        sheet.value((190 + 40 * (number % 3), 20 + 40 * number), value, 22, "#d4d4d4")


def _login(sheet: Sheet, values: list[str]) -> None:
    sheet.frame((390, 120, 890, 640), "#cccccc", "white")
    sheet.text((520, 160), "Example Bank", 38, "#004b87")
    sheet.text((450, 240), "Sign in to online banking", 26)
    sheet.text((450, 300), "User name", 18, "#666666")
    sheet.frame((450, 326, 830, 376))
    sheet.value((464, 336), values[0], 24, "#111111")
    sheet.text((450, 396), "Branch", 18, "#666666")
    sheet.frame((450, 422, 830, 472))
    sheet.value((464, 432), values[1], 24, "#111111")
    sheet.frame((450, 510, 830, 570), "#004b87", "#004b87")
    sheet.text((590, 522), "Continue", 28, "white")


def _post(sheet: Sheet, values: list[str]) -> None:
    sheet.pen.ellipse((30, 30, 110, 110), fill="#7799bb")
    sheet.value((130, 34), values[0], 28, "#111111")
    sheet.value((130, 72), "@" + values[1], 22, "#777777")
    for number in range(4):
        sheet.value((40, 140 + 46 * number), values[2 + number], 30, "#111111")
    sheet.frame((40, 350, 840, 410), "#dddddd")
    for number, label in enumerate(("Replies", "Reposts", "Likes")):
        sheet.value((60 + 270 * number, 364), values[6 + number], 24, "#111111")
        sheet.text((160 + 270 * number, 364), label, 24, "#777777")


_TEXT = words(3, 6)
#: Every kind of page.
TEMPLATES: tuple[Template, ...] = (
    Template(
        "form",
        (
            name,
            street,
            words(1, 2),
            date,
            digits(10),
            mail,
            digits(9),
            words(2, 3),
            amount,
            date,
            name,
            words(3, 4),
        ),
        _form,
        (1240, 760),
    ),
    Template("receipt", (*(words(2, 2), amount) * 8, amount, date, digits(16)), _receipt, (560, 720)),
    Template(
        "id-card",
        (name, date, digits(9), date, words(1, 1), digits(20), digits(28)),
        _card,
        (856, 540),
        "#f4f4f4",
    ),
    Template(
        "boarding-pass",
        (
            name,
            words(1, 1),
            words(1, 1),
            digits(4),
            date,
            digits(2),
            digits(3),
            digits(4),
            digits(13),
        ),
        _boarding,
        (1100, 440),
    ),
    Template(
        "invoice",
        (digits(8), name, street, date, *(words(3, 5), digits(2), amount) * 6, amount),
        _invoice,
        (1240, 740),
    ),
    Template("e-mail", (words(3, 5), mail, mail, date, *(words(7, 10),) * 9), _mail_page, (1280, 740)),
    Template("chat", (name, *(words(3, 4),) * 14), _chat, (720, 1120), "#ece5dd"),
    Template(
        "ransom-note", (hexadecimal(32), hexadecimal(42), amount, mail, date), _ransom, (1280, 720), "#101010"
    ),
    Template("seed-phrase", (words(1, 1),) * 12, _phrase, (1280, 740)),
    Template("qr-code", (digits(5),), _qr, (660, 640)),
    Template("barcode", (name, street, digits(14)), _barcode, (760, 580)),
    Template("calendar", (words(1, 2),) * 20, _calendar, (1280, 780)),
    Template("board", (digits(1),) * 27, _board, (700, 720)),
    Template("spreadsheet", (amount, words(1, 1)) * 15, _spreadsheet, (1280, 720), "#fcfcfc"),
    Template("terminal", (words(2, 4), hexadecimal(60)) * 12, _terminal, (1280, 720), "#101418"),
    Template("source-code", (words(3, 6),) * 18, _source, (1280, 760), "#1e1e1e"),
    Template("login", (mail, words(1, 1)), _login, (1280, 720), "#eef3f7"),
    Template(
        "post",
        (name, hexadecimal(8), _TEXT, _TEXT, _TEXT, _TEXT, digits(3), digits(3), digits(4)),
        _post,
        (880, 440),
    ),
)
