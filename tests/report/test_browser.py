"""The page works in a browser, which asks no host for anything. Skipped where playwright or Chromium is missing."""

import json
import shutil

import numpy as np
import pytest

from gan_jax import views
from gan_jax.cli import main as cli
from gan_jax.report import samples
from gan_jax.report.page import in_bytes, page_of
from gan_jax.report.read import read_runs
from gan_jax.storage.provenance import Origin

playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed")

NOISE = ("GPU stall", "willReadFrequently")  # of Chromium on the WebGL of a CPU


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader"]
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Opens a file in a page, whose requests and messages are kept."""
    pages = []

    def open_file(file, **settings):
        page = browser.new_page(**settings)
        page.requested, page.said = [], []
        page.on("request", lambda request: page.requested.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(file.as_uri())
        pages.append((page, file))
        return page

    yield open_file
    for page, file in pages:
        assert {url for url in page.requested if not url.startswith(("data:", "blob:", "about:"))} == {file.as_uri()}
        assert [said for said in page.said if not any(part in said for part in NOISE)] == []
        page.close()


@pytest.fixture(scope="module")
def page(one_game, three_games, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "page.html"
    cli.main(["report", str(one_game), str(three_games), "--out", str(file), "--num", "4"])
    return file


def traces(page, chart: int) -> list[dict]:
    return page.evaluate(
        f"""[...document.querySelectorAll('.chart .plot')][{chart}].data
            .map(trace => ({{name: trace.name, meta: trace.meta, visible: trace.visible}}))"""
    )


def test_each_chart_is_drawn_and_runs_can_be_hidden(opened, page):
    tab = opened(page)
    tab.locator(".chart").first.scroll_into_view_if_needed()
    tab.wait_for_selector(".chart .plot .scatterlayer .trace path")
    assert {trace["meta"] for trace in traces(tab, 0)} == {0, 1}
    tab.locator("button.run").first.click()
    assert all(trace["visible"] == (trace["meta"] == 1) for trace in traces(tab, 0))
    last = tab.locator(".chart").count() - 1
    tab.locator(".chart").last.scroll_into_view_if_needed()
    tab.wait_for_function(f"[...document.querySelectorAll('.chart .plot')][{last}].data")
    assert all(trace["visible"] == (trace["meta"] == 1) for trace in traces(tab, last))  # those drawn later too
    tab.locator("button.run").first.click()
    assert all(trace["visible"] for trace in traces(tab, 0))


def test_values_arrive_as_they_were_logged(opened, page, one_game):
    lines = [json.loads(line) for line in (one_game / "metrics.jsonl").read_text().splitlines()]
    logged = [line["critic/loss"] for line in lines if "critic/loss" in line]
    tab = opened(page)
    tab.locator(".chart").first.scroll_into_view_if_needed()
    tab.wait_for_selector(".chart .plot .scatterlayer .trace path")
    shown = tab.evaluate("Array.from(document.querySelector('.chart .plot')._fullData[0].y)")
    np.testing.assert_allclose(shown, logged, rtol=1e-6)


def test_the_slider_moves_through_the_pictures_of_each_game(opened, page):
    tab = opened(page)
    strip = tab.locator(".strip").nth(1)
    frames = strip.locator(".frames:visible")
    last = frames.locator("img").get_attribute("src")
    frames.locator("input").focus()
    tab.keyboard.press("ArrowLeft")
    assert frames.locator("output").inner_text() == "step 3"
    assert frames.locator("img").get_attribute("src") != last
    strip.locator("select").select_option("2")
    assert frames.locator("output").inner_text() == "step 6"
    assert frames.locator("img").get_attribute("src") != last
    frames.locator(".play").click()
    assert frames.locator("output").inner_text() == "step 3"
    playwright.expect(frames.locator("output")).to_have_text("step 6")


@pytest.mark.parametrize("settings", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 400, "height": 800}}])
def test_nothing_sticks_out_in_any_theme_or_width(opened, page, settings):
    tab = opened(page, **settings)
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    tab.wait_for_function("[...document.querySelectorAll('.chart .plot')].every(plot => plot.data)")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    colour = tab.evaluate("getComputedStyle(document.querySelector('.xtick text')).fill")
    assert colour == ("rgb(154, 163, 175)" if settings.get("color_scheme") else "rgb(98, 106, 117)")


def test_samples_of_each_kind_are_shown(opened, one_game, tmp_path):
    origin = Origin("tiny", "0" * 64, 6, 0)
    shape = np.full((1, 8, 8, 8, 1), -1, np.float32)
    shape[:, 2:6, 2:6, 2:6] = 1
    text = views.text(" <b", frozenset({"b"}))
    cards = [
        samples.as_sound(views.sounds(8000), np.zeros((1, 4096, 1), np.float32), origin),
        samples.as_film(views.videos, np.zeros((1, 3, 8, 8, 1), np.float32), origin),
        samples.as_mesh(views.shapes, shape, origin),
        samples.together(text, np.eye(3)[[[1, 2, 0]] * 40], origin),
        samples.as_text(text, np.eye(3)[[[1, 2, 0]]], origin),
    ]
    file = tmp_path / "page.html"
    file.write_bytes(in_bytes(page_of(read_runs([one_game]), [samples.Newest(6, cards)])))
    tab = opened(file)
    tab.locator(".mesh").scroll_into_view_if_needed()
    tab.wait_for_selector(".mesh canvas")
    assert tab.evaluate("document.querySelector('.mesh')._fullData[0].i.length") > 100
    tab.wait_for_function("document.querySelector('audio').duration > 0.5")
    assert tab.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    document = tab.frame_locator("iframe")
    assert document.locator("mark").first.inner_text() == "<b"
    assert document.locator("mark").count() == 40
    assert tab.evaluate("document.querySelector('iframe').clientHeight") > 700


def test_names_of_metrics_and_runs_stay_text(opened, one_game, tmp_path):
    evil = "<img src=x onerror=alert(1)><a href='https://example.org'>b</a></script>"
    (record,) = read_runs([one_game])
    metrics = {evil: record.metrics["critic/loss"], **record.metrics}
    records = [record._replace(name=f"{evil}{number}", metrics=metrics) for number in range(2)]
    file = tmp_path / "page.html"
    file.write_bytes(in_bytes(page_of(records, [])))
    tab = opened(file)
    tab.on("dialog", lambda dialog: pytest.fail("a name ran as a script"))
    tab.locator(".chart").last.scroll_into_view_if_needed()
    plot = tab.locator(".chart .plot").last
    plot.locator(".scatterlayer .trace path").first.wait_for()
    plot.hover(position={"x": 150, "y": 80})
    hovered = plot.locator(".hoverlayer")
    hovered.locator("text").first.wait_for()
    assert evil in hovered.text_content()
    assert tab.locator("img[src=x], a[href*=example]").count() == 0


def test_a_logarithmic_axis_is_one_click_away(opened, one_game, tmp_path):
    (record,) = read_runs([one_game])
    logged = record.metrics["critic/loss"]
    metrics = {"critic/r1": logged._replace(values=np.array([[1.0], [10.0], [1000.0]]))}
    file = tmp_path / "page.html"
    file.write_bytes(in_bytes(page_of([record._replace(metrics=metrics)], [])))
    tab = opened(file)
    tab.locator("button.log").click()
    assert tab.evaluate("document.querySelector('.chart .plot')._fullLayout.yaxis.type") == "log"
    tab.locator("button.log").click()
    assert tab.evaluate("document.querySelector('.chart .plot')._fullLayout.yaxis.type") == "linear"
