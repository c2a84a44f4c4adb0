"""Draws on the page of `tf-mnist draw` in a real browser, and reads the page's answers.

Usage: check_draw.py TF_MNIST MODEL CHROMIUM FOLDER; FOLDER gets pictures of the page.
"""

import base64
import io
import pathlib
import re
import statistics
import subprocess
import sys

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect, sync_playwright

PROGRAM, MODEL, CHROMIUM = sys.argv[1:4]
PICTURES = pathlib.Path(sys.argv[4])
DIGITS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "digits"

# Strokes in a square of 100, as a hand draws them.
SEVEN = [[(28, 22), (50, 21), (72, 20), (64, 40), (56, 60), (48, 82)]]
ONE = [[(50, 18), (50, 34), (50, 50), (50, 66), (50, 82)]]
EIGHT = [[(64, 26), (54, 18), (42, 20), (37, 30), (43, 41), (52, 48), (62, 57), (65, 69), (58, 80), (45, 82), (36, 74),
          (38, 62), (48, 51), (58, 42), (65, 33), (64, 26)]]
TWO_DIGITS = [[(22, 25), (22, 45), (22, 75)], [(70, 25), (85, 25), (79, 50), (72, 76)]]

# Takes the time from a move of the pointer to the answer on the page, in ms.
STOPWATCH = """
window.times = [];
addEventListener("DOMContentLoaded", () => {
  let began = null;
  addEventListener("pointermove", (event) => { if (event.buttons && began === null) began = performance.now(); }, true);
  const answered = () => { if (began !== null) { times.push(performance.now() - began); began = null; } };
  new MutationObserver(answered).observe(document.getElementById("probabilities"),
    { subtree: true, childList: true, attributes: true });
});
"""


class Server:
    """The program, and the address of its page."""

    def __init__(self, port=0, model=MODEL):
        command = [PROGRAM, "draw", model, "--port", str(port), "--no-open"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), self.url
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def draw(page, strokes, rest=0):
    """Draws with the mouse, pausing for `rest` ms at each point."""
    box = page.locator("#paper").bounding_box()
    at = lambda x, y: (box["x"] + x / 100 * box["width"], box["y"] + y / 100 * box["height"])
    for stroke in strokes:
        page.mouse.move(*at(*stroke[0]))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*at(*point), steps=1 if rest else 4)
            page.wait_for_timeout(rest)
        page.mouse.up()


def touch(page, strokes):
    """Draws with a finger."""
    box = page.locator("#paper").bounding_box()
    session = page.context.new_cdp_session(page)

    def send(kind, points):
        points = [{"x": box["x"] + x / 100 * box["width"], "y": box["y"] + y / 100 * box["height"]} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for stroke in strokes:
        send("touchStart", stroke[:1])
        for point in stroke[1:]:
            send("touchMove", [point])
        send("touchEnd", [])


def says(page, digit):
    """Waits until the page says `digit`, in all the places where it does."""
    expect(page.locator("#likeliest")).to_have_text(digit)
    expect(page.locator("#spoken")).to_contain_text(f"{digit}, ")
    expect(page.locator("tr.best th")).to_have_text(digit)
    expect(page.locator("#seen")).to_be_visible()
    shares = [float(share.split()[0]) for share in page.locator(".share").all_inner_texts()]
    assert len(shares) == 10 and abs(sum(shares) - 100) < 0.6, shares
    assert int(digit) == max(range(10), key=shares.__getitem__), shares
    size = page.evaluate("(() => { const seen = document.getElementById('seen'); return [seen.naturalWidth, seen.naturalHeight]; })()")
    assert size == [28, 28], size


def is_clear(page):
    expect(page.locator("#likeliest")).to_have_text("?")
    expect(page.locator("#hint")).to_be_visible()
    expect(page.locator("#seen")).to_be_hidden()
    expect(page.locator("#trouble")).to_be_hidden()
    assert page.locator(".share").all_inner_texts() == [""] * 10


def ink(page):
    """The share of dark pixels on the paper."""
    return page.evaluate("""(() => {
        const paper = document.getElementById("paper");
        const pixels = paper.getContext("2d").getImageData(0, 0, paper.width, paper.height).data;
        let dark = 0;
        for (let place = 0; place < pixels.length; place += 4) dark += pixels[place] < 128;
        return dark / (pixels.length / 4);
    })()""")


def drop(page, name, content, kind):
    """Drops a file onto the page."""
    page.evaluate("""async ([name, content, kind]) => {
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type: kind }));
        for (const event of ["dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(event, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }""", [name, base64.b64encode(content).decode(), kind])


def png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def check_mouse(page):
    is_clear(page)
    for digit, strokes in [("7", SEVEN), ("1", ONE), ("8", EIGHT)]:
        draw(page, strokes)
        says(page, digit)
        page.get_by_role("button", name="Clear").click()
        is_clear(page)


def check_resize(page):
    draw(page, SEVEN)
    says(page, "7")
    before = ink(page)
    for width, height in [(390, 844), (1500, 1000), (1280, 800)]:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(100)
        assert abs(ink(page) - before) < 0.1 * before, (width, before, ink(page))
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"scrolls sideways at {width}"
        says(page, "7")


def check_keyboard(page):
    page.locator("#paper").hover(position={"x": 2, "y": 2})
    page.keyboard.press("Escape")
    is_clear(page)
    draw(page, ONE)
    says(page, "1")
    draw(page, [[(20, 20), (30, 90)]])
    page.keyboard.press("Control+z")
    says(page, "1")
    names = set()
    for _ in range(4):  # three buttons and the page itself
        page.keyboard.press("Tab")
        names.add(page.evaluate("document.activeElement.textContent.slice(0, 20)"))
    assert names >= {"Clear", "Undo", "Open a picture"}, names
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    is_clear(page)


def check_files(page):
    for digit in "0123456789":
        drop(page, f"{digit}.png", (DIGITS / f"{digit}.png").read_bytes(), "image/png")
        says(page, digit)
    page.locator("#file").set_input_files(DIGITS / "5.png")
    says(page, "5")
    # Larger than is sent: the browser makes it smaller.
    large = Image.effect_noise((2400, 2400), 12).point(lambda level: 255 - abs(level - 128) // 4)
    large.paste(0, (1100, 500, 1300, 1900))
    content = png(large)
    assert len(content) > 1_000_000
    drop(page, "large.png", content, "image/png")
    says(page, "1")
    # Transparent around the digit, and of more detail than fits into what is sent.
    layer = Image.effect_noise((2400, 2400), 90).convert("RGBA")
    layer.putalpha(0)
    layer.paste((0, 0, 0, 255), (1100, 500, 1300, 1900))
    content = png(layer)
    assert len(content) > 1_000_000
    drop(page, "layer.png", content, "image/png")
    says(page, "1")
    noise = png(Image.effect_noise((2000, 2000), 120))
    drop(page, "noise.png", noise, "image/png")
    expect(page.locator("#seen")).to_be_visible()
    expect(page.locator("#spoken")).not_to_have_text("")
    drop(page, "blank.png", png(Image.new("L", (100, 100), 255)), "image/png")
    expect(page.locator("#trouble")).to_contain_text("the picture is blank")
    expect(page.locator("#likeliest")).to_have_text("?")
    drop(page, "notes.pdf", b"%PDF-1.7 no picture", "application/pdf")
    expect(page.locator("#trouble")).to_contain_text("a PDF document")
    drop(page, "film.mp4", b"\0" * 1_500_000, "video/mp4")
    expect(page.locator("#trouble")).to_contain_text("film.mp4 has more than 1 MB")
    page.get_by_role("button", name="Clear").click()
    is_clear(page)


def check_odd_moves(page):
    """A stroke that is taken back while it is drawn, and what is dropped and is no file."""
    draw(page, [[(20, 20), (80, 20)]])
    box = page.locator("#paper").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 300)
    page.keyboard.press("Control+z")
    before = ink(page)
    page.mouse.move(box["x"] + 250, box["y"] + 350)
    assert ink(page) == before
    page.mouse.up()
    page.evaluate("""document.body.dispatchEvent(new DragEvent("drop",
        { dataTransfer: new DataTransfer(), bubbles: true, cancelable: true }))""")
    expect(page.locator("#trouble")).to_contain_text("That is no file")
    page.set_viewport_size({"width": 844, "height": 390})
    box = page.locator("#paper").bounding_box()
    assert abs(box["width"] - box["height"]) < 1, box
    page.set_viewport_size({"width": 1280, "height": 800})


def check_two_digits(page):
    draw(page, TWO_DIGITS)
    expect(page.locator("#warnings li")).to_have_count(1)
    expect(page.locator("#warnings")).to_contain_text("2 separate drawings")
    page.keyboard.press("Escape")
    expect(page.locator("#warnings li")).to_have_count(0)


def check_accessibility(page, what):
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, f"{what}: {found.generate_report()}"


def check_gone(page, server):
    """The program ends, and comes back at the same address."""
    draw(page, SEVEN)
    says(page, "7")
    server.end()
    draw(page, [[(20, 50), (25, 50)]])
    expect(page.locator("#trouble")).to_contain_text("no longer answers")
    expect(page.locator("#likeliest")).to_have_text("?")
    page.keyboard.press("Control+z")
    with Server(server.port):
        says(page, "7")
        expect(page.locator("#trouble")).to_be_hidden()


def main():
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, Server() as server:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        complaints, foreign = [], []
        context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("request", lambda request: None if re.match(r"(http://127\.0\.0\.1:\d+/|data:)", request.url)
                   else foreign.append(request.url))
        context.add_init_script(STOPWATCH)
        page = context.new_page()
        page.goto(server.url)
        for check in [check_mouse, check_resize, check_keyboard, check_files, check_odd_moves, check_two_digits]:
            check(page)
            print(f"{check.__name__}: passed")
            page.keyboard.press("Escape")
        # Refused pictures are answered by 422, which Chromium logs.
        complaints = [text for text in complaints if "422" not in text]
        assert not complaints, complaints

        page.evaluate("times.length = 0")
        for _ in range(4):
            draw(page, EIGHT, rest=120)
            page.keyboard.press("Escape")
        times = page.evaluate("times")
        print(f"from a move to its answer on the page, ms: median {statistics.median(times):.1f}, of {len(times)} "
              f"({min(times):.1f} to {max(times):.1f})")

        for scheme in ["light", "dark"]:
            for size, (width, height, mobile) in {"desktop": (1280, 800, False), "phone": (390, 844, True)}.items():
                looked = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme,
                                             has_touch=mobile, is_mobile=mobile, device_scale_factor=2 if mobile else 1)
                other = looked.new_page()
                other.goto(server.url)
                check_accessibility(other, f"{size}, {scheme}, empty")
                other.screenshot(path=PICTURES / f"{size}-{scheme}-empty.png")
                (touch if mobile else draw)(other, EIGHT)
                says(other, "8")
                check_accessibility(other, f"{size}, {scheme}")
                other.screenshot(path=PICTURES / f"{size}-{scheme}.png", full_page=mobile)
                other.get_by_role("button", name="Clear").click()
                (touch if mobile else draw)(other, TWO_DIGITS)
                expect(other.locator("#warnings li")).to_have_count(1)
                check_accessibility(other, f"{size}, {scheme}, warned")
                other.screenshot(path=PICTURES / f"{size}-{scheme}-warned.png", full_page=mobile)
                looked.close()
        print(f"accessibility: passed; pictures are in {PICTURES}")

        check_gone(page, server)
        print("check_gone: passed")
        assert not foreign, foreign
        browser.close()


main()
