"""Pictures drawn with Pillow: slides, covers, and the six walls of the 360° classroom.

Pure: texts and a font in, images out. Without any font with Han glyphs (`Pen(None)`) the shapes are
drawn and the words are left out; captions and pages carry them then.
"""

import contextlib
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from portal.demonstration.content.lectures import Lecture, Slide

__all__ = ["COLOURS", "INSET", "Pen", "cover", "find_font", "room_strip", "slide"]

COLOURS = {
    "red": ("#9c1016", "#c8202a", "#e0884a"),
    "blue": ("#22304f", "#3c5f92", "#9db9d6"),
    "green": ("#1d3b49", "#2c6a66", "#bfae79"),
    "gold": ("#5a3d08", "#a87420", "#e7c887"),
}
INK, SOFT, PAPER, LINE = "#211c19", "#a69d96", "#faf7f3", "#e6ded6"
SIZE = (1280, 720)
INSET = (764, 210, 480, 270)
"""Where the film runs beside a slide: x, y, width, height."""

SYSTEM_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/System/Library/Fonts/PingFang.ttc",
)


def find_font(home: Path | None) -> Path | None:
    """The font collection of the unpacked package `home`, else one of the system's, else None."""
    places = [*(home.glob("**/*.ttc") if home else ()), *map(Path, SYSTEM_FONTS)]
    return next((place for place in places if place.exists()), None)


class Pen:
    """Fonts of several sizes and weights from one file, and wrapping for Han text."""

    def __init__(self, font: Path | None):
        self.font = font
        self._made: dict[tuple[int, int], ImageFont.FreeTypeFont] = {}

    def face(self, size: int, weight: int = 400) -> ImageFont.FreeTypeFont:
        if (size, weight) not in self._made:
            face = ImageFont.truetype(str(self.font), size, index=self._simplified())
            with contextlib.suppress(OSError):  # not a variable font: one weight has to do
                face.set_variation_by_axes([weight])
            self._made[size, weight] = face
        return self._made[size, weight]

    def _simplified(self) -> int:
        for index in range(5):
            try:
                if "SC" in (ImageFont.truetype(str(self.font), 10, index=index).getname()[0] or ""):
                    return index
            except OSError:
                break
        return 0

    def write(
        self,
        draw: ImageDraw.ImageDraw,
        xy: tuple[float, float],
        text: str,
        size: int,
        fill: str,
        weight: int = 400,
        anchor: str = "la",
        width: int | None = None,
        leading: float = 1.35,
    ) -> int:
        """Write `text` (wrapped to `width` pixels) and return the height used."""
        if self.font is None:
            return int(size * leading)
        face = self.face(size, weight)
        lines, line = [], ""
        for letter in text:
            if width and line and face.getlength(line + letter) > width and letter not in "，。；：、）？”":
                lines.append(line)
                line = ""
            line += letter
        lines.append(line)
        for row, content in enumerate(lines):
            draw.text((xy[0], xy[1] + row * size * leading), content, font=face, fill=fill, anchor=anchor)
        return int(len(lines) * size * leading)


def _mix(a: str, b: str, share: float) -> tuple[int, int, int]:
    one, two = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (a, b))
    return tuple(round(x + (y - x) * share) for x, y in zip(one, two, strict=True))  # type: ignore[return-value]


def _gradient(size: tuple[int, int], colours: tuple[str, str, str]) -> Image.Image:
    """A diagonal gradient over three colours; drawn small and enlarged."""
    small = Image.new("RGB", (64, 36))
    for x in range(64):
        for y in range(36):
            at = (x / 63 * 0.7 + y / 35 * 0.3) * 2
            first = at <= 1
            pair = colours[:2] if first else colours[1:]
            small.putpixel((x, y), _mix(pair[0], pair[1], at if first else at - 1))
    return small.resize(size, Image.Resampling.BICUBIC)


def cover(pen: Pen, title: str, line: str, colour: str) -> Image.Image:
    """A course cover, 1280×720: gradient, quiet geometry, title."""
    image = _gradient(SIZE, COLOURS[colour])
    shade = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    draw = ImageDraw.Draw(shade)
    chance = random.Random(title)
    for _ in range(5):
        x, y, r = chance.randint(500, 1280), chance.randint(-100, 500), chance.randint(120, 380)
        draw.ellipse((x - r, y - r, x + r, y + r), outline=(255, 255, 255, 26), width=3)
    draw.rectangle((84, 496, 84 + 96, 502), fill=(255, 255, 255, 210))
    image = Image.alpha_composite(image.convert("RGBA"), shade).convert("RGB")
    draw = ImageDraw.Draw(image)
    pen.write(draw, (84, 524), line, 32, "#fdf4ea")
    rows = 2 if len(title) > 14 else 1
    pen.write(draw, (84, 468 - rows * 88), title, 68, "#ffffff", 650, width=1040, leading=1.28)
    return image


def slide(pen: Pen, lecture: Lecture, page: int, told: int, *, inset: bool = False) -> Image.Image:
    """Slide `page` of `lecture` while point number `told` (0-based, -1: the opening) is being spoken.

    With `inset` the right side is kept free for the film.
    """
    what: Slide = lecture.slides[page]
    dark, main, _light = COLOURS[lecture.colour]
    image = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 18, 720), fill=dark)
    draw.rectangle((18, 0, 1280, 10), fill=_mix(PAPER, main, 0.18))
    title_height = pen.write(draw, (84, 64), what.title, 54, dark, 650, width=1130)
    draw.line((84, 82 + title_height, 1212, 82 + title_height), fill=LINE, width=2)
    side = inset or bool(what.table)
    width = 610 if inset else (660 if side else 1090)
    top = 122 + title_height
    step = min(104 if side else 124, (640 - top) // max(1, len(what.points)))
    for number, (text, _spoken) in enumerate(what.points):
        y = top + number * step
        now = number == told
        known = number <= told
        if now:
            draw.rounded_rectangle((64, y - 14, 100 + width, y + 60), 12, fill=_mix(PAPER, main, 0.12))
        draw.ellipse((84, y + 12, 104, y + 32), fill=main if known else LINE)
        large = 36 if side else 42
        size = large if len(text) * large < width - 60 else max(26, int((width - 60) / len(text)))
        pen.write(
            draw, (126, y + (22 - size // 2) - 4), text, size, INK if known else SOFT, 600 if now else 400
        )
    if what.table and not inset:
        _table(pen, draw, what.table, top, told, dark, main)
    if inset:
        x, y, w, h = INSET
        draw.rectangle((x - 4, y - 4, x + w + 3, y + h + 3), outline=LINE, width=4)
    pen.write(draw, (84, 676), "海棠网上党校 · 演示课件", 20, "#6f665f")
    pen.write(draw, (1212, 676), f"{page + 1} / {len(lecture.slides)}", 20, "#6f665f", anchor="ra")
    return image


def _table(
    pen: Pen,
    draw: ImageDraw.ImageDraw,
    rows: tuple[tuple[str, ...], ...],
    top: int,
    told: int,
    dark: str,
    main: str,
) -> None:
    left, right, height = 860, 1212, 62
    for number, row in enumerate(rows):
        y = top - 14 + number * height
        head = number == 0
        if head:
            draw.rectangle((left, y, right, y + height), fill=dark)
        elif number - 1 == told and len(rows) > 4:
            draw.rectangle((left, y, right, y + height), fill=_mix(PAPER, main, 0.16))
        draw.rectangle((left, y, right, y + height), outline=LINE, width=2)
        fill = "#ffffff" if head else INK
        pen.write(draw, (left + 20, y + 12), row[0], 28, fill, 600 if head else 400)
        pen.write(draw, (right - 20, y + 12), row[1], 28, fill, 600 if head else 400, anchor="ra")


# --- the classroom of the 360° lecture: six walls of a cube, each drawn flat ----------------------------

WALL, WOOD, DARKWOOD, LIGHT = "#d9cbb0", "#8a6a48", "#5b4330", "#f4ead2"


def _plaster(side: int, seed: str) -> Image.Image:
    image = Image.new("RGB", (side, side), WALL)
    draw = ImageDraw.Draw(image)
    chance = random.Random(seed)
    for _ in range(420):
        x, y, r = chance.randint(0, side), chance.randint(0, side), chance.randint(8, 60)
        draw.ellipse((x - r, y - r // 2, x + r, y + r // 2), fill=_mix(WALL, LIGHT, chance.random() * 0.5))
    image = image.filter(ImageFilter.GaussianBlur(9))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, int(side * 0.72), side, side), fill="#b9a585")
    draw.line((0, int(side * 0.72), side, int(side * 0.72)), fill=DARKWOOD, width=8)
    for x in (0, side):
        draw.rectangle((x - 18, 0, x + 18, side), fill=DARKWOOD)
    draw.rectangle((0, 0, side, 22), fill=DARKWOOD)
    return image


def _plate(pen: Pen, draw: ImageDraw.ImageDraw, centre: tuple[int, int], text: str, told: bool) -> None:
    x, y = centre
    fill, ink = ("#b5161d", "#ffffff") if told else ("#f7efdc", INK)
    draw.rounded_rectangle((x - 110, y - 34, x + 110, y + 34), 34, fill=fill, outline=DARKWOOD, width=3)
    pen.write(draw, (x, y - 24), text, 36, ink, 600, anchor="ma")


def room_strip(pen: Pen, side: int, told: int) -> Image.Image:
    """The six walls side by side (right, left, up, down, front, back: ffmpeg v360's «rludfb»).

    `told` is the point being spoken: 0 blackboard, 1 window, 2 boards, 3 door, 4 desks, -1 none.
    """
    walls = [
        _boards(pen, side, told == 2),
        _window(pen, side, told == 1),
        _ceiling(side),
        _floor(pen, side, told == 4),
        _blackboard(pen, side, told == 0),
        _door(pen, side, told == 3),
    ]
    strip = Image.new("RGB", (side * 6, side))
    for place, wall in enumerate(walls):
        strip.paste(wall, (place * side, 0))
    return strip


def _blackboard(pen: Pen, side: int, told: bool) -> Image.Image:
    image = _plaster(side, "front")
    draw = ImageDraw.Draw(image)
    box = (int(side * 0.14), int(side * 0.26), int(side * 0.86), int(side * 0.62))
    draw.rectangle((box[0] - 16, box[1] - 16, box[2] + 16, box[3] + 16), fill=WOOD)
    draw.rectangle(box, fill="#25312c")
    middle = side // 2
    pen.write(draw, (middle, box[1] + 36), "识字班  第一课", 44, "#cfd8cf", anchor="ma")
    pen.write(draw, (middle, box[1] + 124), "人人识字，人人明理", 72, "#f2f5ee", 500, anchor="ma")
    pen.write(draw, (middle, box[1] + 256), "渡口小学旧址（演示场景）", 32, "#a9b6a9", anchor="ma")
    desk = (int(side * 0.34), int(side * 0.74), int(side * 0.66), int(side * 0.96))
    draw.rectangle(desk, fill=WOOD, outline=DARKWOOD, width=6)
    draw.rectangle((desk[0] - 20, desk[1] - 18, desk[2] + 20, desk[1] + 6), fill="#a07e57")
    draw.ellipse(
        (middle + 60, desk[1] - 74, middle + 104, desk[1] - 18), fill="#f6e3a8", outline=DARKWOOD, width=4
    )
    _plate(pen, draw, (middle, int(side * 0.17)), "黑板", told)
    return image


def _window(pen: Pen, side: int, told: bool) -> Image.Image:
    image = _plaster(side, "left")
    draw = ImageDraw.Draw(image)
    for left in (int(side * 0.12), int(side * 0.56)):
        box = (left, int(side * 0.24), left + int(side * 0.32), int(side * 0.62))
        draw.rectangle((box[0] - 14, box[1] - 14, box[2] + 14, box[3] + 14), fill=DARKWOOD)
        height = box[3] - box[1]
        for y in range(height):
            at = y / height
            tone = (
                _mix("#bcd8ea", "#f3ead3", at)
                if at < 0.62
                else _mix("#7fa7b4", "#4f7f92", (at - 0.62) / 0.38)
            )
            draw.line((box[0], box[1] + y, box[2], box[1] + y), fill=tone)
        hill = box[1] + int(height * 0.62)
        draw.polygon(
            [
                (box[0], hill),
                (box[0] + 90, hill - 70),
                (box[0] + 190, hill - 24),
                (box[2], hill - 96),
                (box[2], hill),
            ],
            fill="#6f8f6d",
        )
        boat = (box[0] + 120, hill + 62)
        draw.polygon(
            [boat, (boat[0] + 110, boat[1]), (boat[0] + 90, boat[1] + 24), (boat[0] + 18, boat[1] + 24)],
            fill=DARKWOOD,
        )
        middle = (box[0] + box[2]) // 2
        draw.rectangle((middle - 7, box[1], middle + 7, box[3]), fill=DARKWOOD)
        draw.rectangle((box[0], box[1] + height // 3, box[2], box[1] + height // 3 + 12), fill=DARKWOOD)
    _plate(pen, draw, (side // 2, int(side * 0.15)), "窗外是渡口", told)
    return image


def _boards(pen: Pen, side: int, told: bool) -> Image.Image:
    image = _plaster(side, "right")
    draw = ImageDraw.Draw(image)
    texts = (("七个人", "头一个冬天，七个人围着一盏油灯认字。"), ("三十一人", "第二年，邻村的人也撑船来上课。"),
             ("一百一十二人", "第五年，识字班成了渡口小学。"))  # fmt: skip
    width = int(side * 0.26)
    for place, (head, text) in enumerate(texts):
        left = int(side * 0.07) + place * int(side * 0.30)
        draw.rectangle(
            (left, int(side * 0.26), left + width, int(side * 0.66)), fill="#f8f1e0", outline=WOOD, width=8
        )
        draw.rectangle((left, int(side * 0.26), left + width, int(side * 0.26) + 76), fill="#9c1016")
        pen.write(draw, (left + width // 2, int(side * 0.26) + 14), head, 36, "#ffffff", 600, anchor="ma")
        pen.write(draw, (left + 24, int(side * 0.26) + 110), text, 34, INK, width=width - 48, leading=1.5)
    _plate(pen, draw, (side // 2, int(side * 0.15)), "展板", told)
    return image


def _door(pen: Pen, side: int, told: bool) -> Image.Image:
    image = _plaster(side, "back")
    draw = ImageDraw.Draw(image)
    box = (int(side * 0.36), int(side * 0.26), int(side * 0.64), int(side * 0.98))
    draw.rectangle((box[0] - 22, box[1] - 22, box[2] + 22, box[3]), fill=DARKWOOD)
    for y in range(box[1], box[3]):
        draw.line((box[0], y, box[2], y), fill=_mix("#dcebf2", "#e9d9ac", (y - box[1]) / (box[3] - box[1])))
    draw.polygon([(box[0], box[3]), (box[2], box[3]), (box[2] - 90, int(side * 0.72)), (box[0] + 90, int(side * 0.72))],
                 fill="#c9b68d")  # fmt: skip
    draw.polygon(
        [(box[0], box[1]), (box[0] - 110, box[1] + 40), (box[0] - 110, box[3] - 10), (box[0], box[3])],
        fill=WOOD,
    )
    for place in range(4):
        x = int(side * 0.74) + place % 2 * 130
        y = int(side * 0.40) + place // 2 * 120
        draw.ellipse((x, y, x + 74, y + 74), fill="#c7a55a", outline=DARKWOOD, width=5)
    _plate(pen, draw, (side // 2, int(side * 0.15)), "门", told)
    return image


def _ceiling(side: int) -> Image.Image:
    image = Image.new("RGB", (side, side), "#b89d78")
    draw = ImageDraw.Draw(image)
    for y in range(0, side, 30):
        draw.line((0, y, side, y), fill="#a58a66", width=5)
    for x in range(60, side, 190):
        draw.rectangle((x, 0, x + 46, side), fill=DARKWOOD)
    return image


def _floor(pen: Pen, side: int, told: bool) -> Image.Image:
    image = Image.new("RGB", (side, side), "#8f7a5e")
    draw = ImageDraw.Draw(image)
    for y in range(0, side, 64):
        draw.line((0, y, side, y), fill="#7d6a50", width=3)
        for x in range((y // 64 % 2) * 90, side, 180):
            draw.line((x, y, x, y + 64), fill="#7d6a50", width=3)
    for row in range(3):
        for column in range(3):
            if row == 1 and column == 1:
                continue  # the viewer stands here
            x, y = 90 + column * (side - 340) // 2, 90 + row * (side - 300) // 2
            draw.rectangle((x + 14, y + 16, x + 174, y + 126), fill="#5f4d38")
            draw.rectangle((x, y, x + 160, y + 110), fill="#b08a5c", outline=DARKWOOD, width=4)
            draw.line((x, y + 52, x + 160, y + 52), fill=WOOD, width=3)
            draw.rectangle((x + 40, y + 20, x + 92, y + 44), fill=LIGHT)
    _plate(pen, draw, (side // 2, int(side * 0.36)), "课桌", told)
    return image
