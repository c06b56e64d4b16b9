"""Bar charts as SVG."""

from __future__ import annotations

from typing import NamedTuple
from xml.sax.saxutils import escape

_WIDTH = 760
_LEFT = 200
_RIGHT = 110
_ROW = 34
_BAR = 18
_TOP = 48
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}.title{font-weight:600;font-size:15px}.name{text-anchor:end}"
    "rect.ours{fill:#2563eb}rect.theirs{fill:#94a3b8}.spread{stroke:#1f2937;stroke-width:1.5}.ground{fill:#ffffff}"
)


class Bar(NamedTuple):
    """A value with its spread, and how it is written."""

    label: str
    value: float
    least: float
    most: float
    text: str
    ours: bool


def draw(title: str, bars: list[Bar]) -> str:
    """Return a picture with a bar for each, the spread of the repetitions drawn over it."""
    scale = (_WIDTH - _LEFT - _RIGHT) / (max((bar.most for bar in bars), default=0.0) or 1.0)
    height = _TOP + _ROW * len(bars) + 12
    drawn = [_row(bar, _TOP + _ROW * number, scale) for number, bar in enumerate(bars)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style>",
            f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
            f'<text class="title" x="16" y="28">{escape(title)}</text>',
            *drawn,
            "</svg>\n",
        ]
    )


def _row(bar: Bar, top: float, scale: float) -> str:
    middle = top + _BAR / 2
    least, most = (_LEFT + max(0.0, value) * scale for value in (bar.least, bar.most))
    return (
        f'<text class="name" x="{_LEFT - 10}" y="{middle + 5:.1f}">{escape(bar.label)}</text>'
        f'<rect class="{"ours" if bar.ours else "theirs"}" x="{_LEFT}" y="{top:.1f}" height="{_BAR}" '
        f'width="{max(0.0, bar.value) * scale:.1f}"/>'
        f'<line class="spread" x1="{least:.1f}" x2="{most:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>'
        f'<text x="{most + 8:.1f}" y="{middle + 5:.1f}">{escape(bar.text)}</text>'
    )
