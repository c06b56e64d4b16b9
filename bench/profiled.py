"""`python -m bench.profiled FILE serve`: the `chatter` command, writing down where its main thread spends CPU time.

SIGUSR1 starts and stops it. A thousand times per second of CPU time the function that runs is noted. C code (sockets,
JSON, hashes) counts for the Python function that called it, or, called by none, for the one that runs next.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from api.cli import main

_ROOT = Path(__file__).resolve().parent.parent
_EVERY_S = 0.001
_LOOP = "the event loop itself (uvloop), and other threads"


class Profiler:
    """Counts where the interpreter is when the timer fires."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._running = False

    def install(self) -> None:
        """Listen to the signals."""
        signal.signal(signal.SIGPROF, self._note)
        signal.signal(signal.SIGUSR1, self._toggle)

    def _toggle(self, *_: object) -> None:
        self._running = not self._running
        every = _EVERY_S if self._running else 0
        signal.setitimer(signal.ITIMER_PROF, every, every)

    def _note(self, _: int, frame: FrameType | None) -> None:
        if frame is not None:
            self.counts[place(frame.f_code.co_filename, frame.f_code.co_qualname)] += 1


def place(filename: str, function: str) -> str:
    """Name a function of ours by file and name, one of somebody else's by its package."""
    path = Path(filename)
    if path.match("asyncio/runners.py"):
        return _LOOP
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1].removesuffix(".py")
    if path.is_relative_to(_ROOT):
        return f"{path.relative_to(_ROOT)} {function}"
    return f"Python's {path.parent.name if path.name == '__init__.py' else path.stem}"


if __name__ == "__main__":
    output = Path(sys.argv.pop(1))
    profiler = Profiler()
    profiler.install()
    try:
        main()
    finally:
        output.write_text(json.dumps(profiler.counts), "utf-8")
