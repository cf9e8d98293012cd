# SPDX-License-Identifier: MIT
"""Horizontal bars as SVG, with the standard library alone."""
import dataclasses
import statistics
from xml.sax.saxutils import escape

COLOURS = {"ours": "#1a7f5a", "peer": "#b6bec8", "limit": "#eef1f4"}
INK, FAINT = "#24292f", "#8b949e"
WIDTH, LEFT, BARS, LINE = 760, 200, 420, 24


@dataclasses.dataclass
class Bar:
    label: str
    value: float
    low: float  # the whisker
    high: float
    text: str  # the value as it is written
    kind: str  # "ours", "peer", or "limit": what the machine can do


@dataclasses.dataclass
class Panel:
    title: str
    subtitle: str
    bars: list


def axis_end(bars):
    """The value at the right end. What is far beyond the others is cut off, or these would be invisible."""
    longest = max(max(bar.value, bar.high) for bar in bars)
    usual = 3 * statistics.median(bar.value for bar in bars)
    return (longest if longest <= 2 * usual else usual) or 1


def text(x, y, content, **style):
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(content)}</text>'


def line(x1, y1, x2, y2):
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{INK}" stroke-width="1"/>'


def draw_bar(bar, end, y):
    """The bar, its label to the left, its value to the right, a whisker from quartile to quartile."""
    middle = y + LINE / 2
    scale = BARS / end
    weight = "600" if bar.kind == "ours" else "400"
    cut = bar.value > end
    length = BARS if cut else bar.value * scale
    outline = f' stroke="{FAINT}"' if bar.kind == "limit" else ""
    parts = [
        text(LEFT - 8, middle + 4, bar.label, text_anchor="end", font_weight=weight),
        f'<rect x="{LEFT}" y="{y + 4}" width="{max(length, 1):.1f}" height="{LINE - 8}" '
        f'fill="{COLOURS[bar.kind]}"{outline}/>',
    ]
    right = LEFT + length
    if cut:
        # Two white strokes through the bar: it goes on.
        for x in (right - 22, right - 15):
            parts.append(f'<path d="M{x} {y + LINE - 2}l6 {4 - LINE}" stroke="#ffffff" stroke-width="3"/>')
    elif (bar.high - bar.low) * scale > 2:
        low, high = (LEFT + min(value, end) * scale for value in (bar.low, bar.high))
        parts += [line(low, middle, high, middle)] + [line(x, middle - 3, x, middle + 3) for x in (low, high)]
        right = max(right, high)
    parts.append(text(right + 8, middle + 4, bar.text, font_weight=weight))
    return parts


def svg(panels):
    """The panels below each other, each with a scale of its own."""
    parts = []
    y = 16.0
    for panel in panels:
        parts.append(text(16, y + 14, panel.title, font_weight="600", font_size="14"))
        parts.append(text(WIDTH - 16, y + 14, panel.subtitle, text_anchor="end", fill=FAINT))
        y += 26
        parts.append(f'<path d="M{LEFT - .5} {y}v{LINE * len(panel.bars)}" stroke="{FAINT}"/>')
        end = axis_end(panel.bars)
        for bar in panel.bars:
            parts += draw_bar(bar, end, y)
            y += LINE
        y += 22
    height = y - 8
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>', *parts, "</svg>", ""])
