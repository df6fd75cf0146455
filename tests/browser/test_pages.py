"""The pages in headless Chromium: no requests, no errors, accessible to everybody.

Screenshots are written to out/screenshots/.
"""

from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

SCREENSHOTS = Path(__file__).parents[2] / "out" / "screenshots"
NAMES = ["index", "mixed", "perfect", "refused", "failed", "hostile"]
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
Scheme = Literal["light", "dark"]
SCHEMES: list[Scheme] = ["light", "dark"]
ELEMENTS = "document.querySelectorAll('*').length"


class Visit:
    """An open page, its further requests, and its errors and warnings."""

    def __init__(self, browser: Browser, file: Path, **context: Any) -> None:
        self.page: Page = browser.new_context(**context).new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(file.as_uri(), wait_until="networkidle")
        self.requests = [url for url in self.requests if url != file.as_uri() and not url.startswith("data:")]

    def unfold(self) -> None:
        """Open whatever a reader can open."""
        self.page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")

    def close(self) -> None:
        """Close the page and its context."""
        self.page.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_quiet_and_readable(
    chromium: Browser, pages: dict[str, Path], name: str, size: str, scheme: Scheme
) -> None:
    """No request, no complaint, no finding of axe-core, nothing wider than the screen, all images decoded."""
    width, height = SIZES[size]
    visit = Visit(chromium, pages[name], viewport={"width": width, "height": height}, color_scheme=scheme)
    try:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        visit.page.screenshot(path=SCREENSHOTS / f"{name}-{size}-{scheme}.png", full_page=True)
        assert visit.requests == []
        assert visit.complaints == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        visit.unfold()
        visit.page.screenshot(path=SCREENSHOTS / f"{name}-{size}-{scheme}-unfolded.png", full_page=True)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.page.evaluate("[...document.images].every(image => image.naturalWidth === 28)")
        findings = Axe().run(visit.page)
        assert findings.violations_count == 0, findings.generate_report()
    finally:
        visit.close()


def test_the_misread_images_are_seen(chromium: Browser, pages: dict[str, Path]) -> None:
    """Each mistake has its picture, except the two whose objects were deleted or aren't images."""
    visit = Visit(chromium, pages["mixed"])
    shown, holes = (visit.page.locator(f".gallery {kind}").count() for kind in ("img", ".hole"))
    assert (shown > 20, holes) == (True, 2)
    visit.close()


def test_hostile_names_make_no_element(chromium: Browser, pages: dict[str, Path]) -> None:
    """The browser builds as many elements from names with tags and braces as from plain ones."""
    counts = []
    for name in ("hostile", "plain"):
        visit = Visit(chromium, pages[name])
        counts.append(visit.page.evaluate(ELEMENTS))
        assert (
            visit.page.locator("h1").inner_text().startswith({"hostile": "<script>", "plain": "plain"}[name])
        )
        visit.close()
    assert counts[0] == counts[1]


def test_a_script_would_not_run(chromium: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    """Even if a name became a tag, the page's policy stops scripts, images and styles from elsewhere."""
    file = tmp_path / "page.html"
    body = pages["plain"].read_text()
    added = "<script>document.title = 'run'</script><img src='http://127.0.0.1:9/x.png'><p onclick='1'>"
    file.write_text(body.replace("</main>", f"{added}</main>"))
    visit = Visit(chromium, file)
    assert visit.page.title() != "run"
    assert len(visit.complaints) >= 2
    assert all("Content Security Policy" in complaint for complaint in visit.complaints)
    visit.close()


def test_the_links_of_a_report_lead_to_its_files(chromium: Browser, pages: dict[str, Path]) -> None:
    """From a report to the index and back, and to every file next to the page."""
    visit = Visit(chromium, pages["history-1"])
    links = visit.page.locator("nav a")
    targets = [str(links.nth(number).evaluate("link => link.href")) for number in range(links.count())]
    assert len(targets) == 5
    assert all(Path(target.removeprefix("file://")).is_file() for target in targets)
    links.first.click()
    assert visit.page.title() == "Digit Batch: all runs"
    visit.page.locator("a", has_text="letters/2026-11").last.click()
    assert visit.page.url == pages["history-1"].as_uri()
    visit.close()


@pytest.mark.parametrize("name", ["mixed", "index"])
def test_a_page_prints(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    """Printed on A4, colours kept, nothing is cut off at the paper's edge."""
    visit = Visit(chromium, pages[name], viewport={"width": 700, "height": 1000})
    visit.page.emulate_media(media="print")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 700
    assert (
        visit.page.pdf(format="A4", print_background=True, path=SCREENSHOTS / f"{name}.pdf")[:5] == b"%PDF-"
    )
    visit.close()


def test_confusions_are_distinguishable_without_colour(chromium: Browser, pages: dict[str, Path]) -> None:
    """Cells have their numbers, right ones are bold, wrong ones hatched; with forced colours, dashed."""
    visit = Visit(chromium, pages["mixed"])
    visit.unfold()
    cells = [visit.page.locator(f".matrix .{kind}").first for kind in ("right", "wrong")]
    assert all(cell.inner_text().isdigit() for cell in cells)

    def of_both(style: str) -> list[str]:
        return [cell.evaluate(f"cell => getComputedStyle(cell).{style}") for cell in cells]

    right, wrong = of_both("fontWeight")
    assert int(right) > int(wrong)
    assert [style.partition("(")[0] for style in of_both("backgroundImage")] == [
        "none",
        "repeating-linear-gradient",
    ]
    visit.page.emulate_media(forced_colors="active")
    assert of_both("borderTopStyle") == ["solid", "dashed"]
    visit.close()


def test_on_a_phone_the_chart_of_all_runs_shows_the_newest(chromium: Browser, pages: dict[str, Path]) -> None:
    """With the axis that says what its mark means; the older ones are reached by scrolling."""
    width, height = SIZES["phone"]
    visit = Visit(chromium, pages["index"], viewport={"width": width, "height": height})
    for seen in (".from-right .mark", ".from-right text >> text=/%/"):
        box = visit.page.locator(seen).last.bounding_box()
        assert box
        assert (box["x"] >= 0, box["x"] + box["width"] <= width) == (True, True)
    oldest = visit.page.locator(".from-right .mark").first.bounding_box()
    assert oldest
    assert oldest["x"] < 0
    visit.close()
