"""Make the picture in the README: three drawn people in a call. Run it with scripts/screenshot."""

from __future__ import annotations

import asyncio
import shutil
import sys

from playwright.async_api import async_playwright

from tests.e2e.conftest import CHROMIUM_FLAGS, ROOT, Server
from tests.e2e.person import Person

_TARGET = ROOT / "docs" / "images" / "call.png"
_PEOPLE = (
    ("Mira", 18, "#f2c9a1", "#3b2a20"),
    ("Jonas", 205, "#e8b48c", "#8a5a2b"),
    ("Aiko", 140, "#f0d0b0", "#1f1a1a"),
)
# Stands in for a camera: head and shoulders before a soft wall.
_DRAWN_CAMERA = """
([hue, skin, hair]) => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 1280, height: 720});
  const pen = canvas.getContext('2d');
  const draw = () => {
    const wall = pen.createLinearGradient(0, 0, 1280, 720);
    wall.addColorStop(0, `hsl(${hue} 35% 78%)`); wall.addColorStop(1, `hsl(${hue + 30} 30% 52%)`);
    pen.fillStyle = wall; pen.fillRect(0, 0, 1280, 720);
    const sway = Math.sin(performance.now() / 900) * 6;
    pen.fillStyle = `hsl(${hue + 180} 30% 35%)`;
    pen.beginPath(); pen.ellipse(640 + sway, 760, 300, 270, 0, 0, 7); pen.fill();
    pen.fillStyle = hair; pen.beginPath(); pen.ellipse(640 + sway, 310, 150, 175, 0, 0, 7); pen.fill();
    pen.fillStyle = skin; pen.fillRect(590 + sway, 430, 100, 100);
    pen.beginPath(); pen.ellipse(640 + sway, 345, 122, 150, 0, 0, 7); pen.fill();
    pen.fillStyle = hair; pen.beginPath(); pen.ellipse(640 + sway, 235, 130, 75, 0, 0, 7); pen.fill();
    pen.fillStyle = '#2b2b2b';
    for (const x of [-45, 45]) { pen.beginPath(); pen.ellipse(640 + sway + x, 340, 9, 11, 0, 0, 7); pen.fill(); }
    pen.strokeStyle = '#7a3b32'; pen.lineWidth = 7; pen.lineCap = 'round';
    pen.beginPath(); pen.arc(640 + sway, 395, 42, 0.35, Math.PI - 0.35); pen.stroke();
  };
  setInterval(draw, 50); draw();
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    if (!wanted.video) return real(wanted);
    const stream = canvas.captureStream(20);
    if (wanted.audio) (await real({audio: wanted.audio})).getTracks().forEach(track => stream.addTrack(track));
    return stream;
  };
}
"""


async def main() -> None:
    """Start a server and three browsers, and take the picture of the first."""
    chromium = shutil.which("chromium") or sys.exit("screenshot: Chromium is needed")
    server = Server()
    server.start()
    try:
        async with async_playwright() as driver:
            flags = [*CHROMIUM_FLAGS, "--use-fake-ui-for-media-stream"]
            browser = await driver.chromium.launch(executable_path=chromium, args=flags)
            people = []
            for name, hue, skin, hair in _PEOPLE:
                person = await Person.open(browser, server.url)
                await person.context.add_init_script(f"({_DRAWN_CAMERA})({[hue, skin, hair]!r})")
                people.append((name, person))
            (_, host), *others = people
            await host.sign_up("Mira")
            await host.click("Named")
            await host.page.get_by_label("Name", exact=True).fill("Weekly stand-up")
            await host.click("Create and open")
            link = "/r/weekly-stand-up"
            await host.page.wait_for_url(f"**{link}")
            await host.join(link)
            for name, person in others:
                await person.join(link, name)
            await host.watches(len(others))
            await others[0][1].say("Shall we look at the plan first?")
            await host.say("Yes, two minutes: https://example.org/plan")
            await others[1][1].say("Here it is on my side too")
            await host.reads("on my side too")
            await host.page.get_by_label("Message").blur()
            await host.watches(len(others), more_than=100)
            _TARGET.parent.mkdir(parents=True, exist_ok=True)
            await host.page.screenshot(path=_TARGET)
            await browser.close()
    finally:
        server.close()


if __name__ == "__main__":
    asyncio.run(main())
