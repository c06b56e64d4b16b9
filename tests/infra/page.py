"""docs/operations.md, whose commands tests run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def commands(heading: str, *blocks: int) -> str:
    """Return blocks of commands below a heading of the third level, one after the other."""
    section = _PAGE.read_text("utf-8").partition(f"\n### {heading}\n")[2].partition("\n##")[0]
    found = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return "".join(found[block] for block in blocks)


def copying_commands(checkout: Path, elsewhere: Path, *blocks: int) -> str:
    """Return commands that copy away or bring back, with a folder in the place of another machine."""
    told = commands("Copies elsewhere", *blocks).replace("/opt/chatter", str(checkout))
    told = told.replace("copies@elsewhere.example.org:chatter", str(elsewhere))
    assert "example.org" not in told
    return told
