"""The explorer's page in Chromium: every control is used, and nothing is asked of other hosts."""

import contextlib
import json
import re
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_models import MODELS

from gan_jax.explorer.files import formats_of
from gan_jax.storage.provenance import inspect
from gan_jax.storage.provenance_formats import FORMATS

serve = pytest.importorskip("gan_jax.explorer.serve", reason="the page is made by gradio: pip install gradio")
api = pytest.importorskip("playwright.sync_api", reason="the page is tried by playwright: pip install playwright")
uvicorn = pytest.importorskip("uvicorn")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
if not CHROMIUM:
    pytest.skip("the page is tried in Chromium, which isn't installed", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # gradio's use of pandas


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextlib.contextmanager
def served(model, folder):
    """Serves the page of a model; its neighbours are the sample itself, twice."""
    files = serve.files_in(str(folder))
    actions = serve.actions_of(model, Path("none.ganjax"), "latest", None, None, files)
    actions = serve.Actions(**{**vars(actions), "nearest": lambda sample: np.stack([sample, sample])})
    with serve.listening("127.0.0.1", 0) as port:
        app = serve.app_of(actions, None, port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [port]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


class Page:
    """A page in the browser, what it asked of which host, and the errors of its console."""

    def __init__(self, browser, url):
        self.page = browser.new_page()
        self.page.set_default_timeout(60_000)
        self.asked, self.errors = set(), []
        self.page.on("request", self.note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url)
        self.page.wait_for_selector("#grid .cell")
        self.page.wait_for_selector("#stage .caption")
        self.page.wait_for_selector("#direction_1 input[type=range]")

    def note(self, request):
        if not request.url.startswith(("data:", "blob:")):
            self.asked.add("/".join([*request.url.split("/")[:3], ""]))

    def html(self, name):
        """What an action draws at `name`: samples, captions, frames and labels, without gradio's marks of progress."""
        drawn = ".stage, .caption, .grid, .frame, figure, label"
        return self.page.evaluate(
            "([name, drawn]) => [...document.querySelectorAll(name)].flatMap(x => x.matches(drawn) ? [x] :"
            " [...x.querySelectorAll(drawn)]).map(x => x.outerHTML).join()",
            [name, drawn],
        )

    def changed(self, name, act):
        """What is at `name` after an action, once it has changed."""
        before = self.html(name)
        act()
        end = time.monotonic() + 60
        while self.html(name) == before:
            assert time.monotonic() < end, f"{name} stays as it is"
            self.page.wait_for_timeout(20)
        return self.html(name)

    def slide(self, name, value):
        self.page.eval_on_selector(
            f"{name} input[type=range]",
            "(slider, value) => { slider.value = value; for (const kind of ['input', 'change', 'pointerup'])"
            " slider.dispatchEvent(new Event(kind, {bubbles: true})); }",
            value,
        )

    def type(self, name, value):
        self.page.fill(f"{name} input", str(value))

    def box(self, name, text):
        """Types into a slider's box."""
        self.page.fill(f"{name} input[type=number]", text)
        self.page.press(f"{name} input[type=number]", "Enter")

    def choose(self, name, option):
        self.page.click(f"{name} input")
        self.page.get_by_role("option", name=option, exact=True).click()

    def value(self, name):
        return self.page.input_value(f"{name} input[type=number]")

    def message(self, act):
        """The message that an action leads to, which is then closed."""
        act()
        toast = self.page.wait_for_selector(".toast-body")
        text = toast.inner_text()
        self.page.click(".toast-close")
        self.page.wait_for_selector(".toast-body", state="detached")
        return text

    def close(self, url):
        assert self.errors == []
        assert self.asked == {url}
        self.page.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with served(MODELS["images of classes"](), tmp_path_factory.mktemp("files")) as url:
        yield url


@pytest.fixture
def page(browser, url):
    page = Page(browser, url)
    yield page
    page.close(url)


def test_a_click_on_a_sample_of_the_grid_makes_it_the_current_one(page):
    assert page.html("#grid").count('class="cell"') == 24
    found = page.changed("#stage", lambda: page.page.click('#grid [data-number="4"]'))
    assert "sample 4 of seed 0, class 1" in found
    assert page.value("#number") == "4"
    assert page.page.get_attribute('#grid [data-number="4"]', "aria-pressed") == "true"
    assert page.page.get_attribute('#grid [data-number="0"]', "aria-pressed") == "false"


def test_seeds_classes_truncation_and_pages_change_the_grid(page):
    first = page.html("#grid")
    assert "seed 5" in page.changed("#stage", lambda: page.type("#seed", 5))
    assert page.html("#grid") != first
    assert "class 2" in page.changed("#stage", lambda: page.choose("#condition", "2"))
    page.changed("#grid", lambda: page.choose("#truncation", "|z| ≤ 0.5"))
    assert 'data-number="24"' in page.changed("#grid", lambda: page.page.click("#forth"))
    assert 'data-number="0"' in page.changed("#grid", lambda: page.page.click("#back"))
    seed = page.value("#seed")
    page.changed("#stage", lambda: page.page.click("#dice"))
    assert page.value("#seed") != seed


def test_sliders_mixing_and_reset_change_the_current_sample_alone(page):
    grid, start = page.html("#grid"), page.html("#stage")
    moved = page.changed("#stage", lambda: page.slide("#direction_1", 2))
    mixed = page.changed("#stage", lambda: page.slide("#share", 0.5))
    assert "50% of sample 0 of seed 1" in mixed
    assert "of sample 3 of seed 1" in page.changed("#stage", lambda: page.type("#other_number", 3))
    assert "of sample 3 of seed 4" in page.changed("#stage", lambda: page.type("#other_seed", 4))
    assert page.changed("#stage", lambda: page.page.click("#reset")) == start
    assert moved != start
    assert page.html("#grid") == grid
    page.changed("#direction_1", lambda: page.page.get_by_text("first layer").click())
    assert page.changed("#stage", lambda: page.slide("#direction_1", 2)) not in (start, moved)


def test_a_copied_latent_can_be_loaded_elsewhere(page):
    page.changed("#stage", lambda: page.slide("#direction_1", 2))
    moved = re.search(r'src="([^"]+)"', page.html("#stage"))[1]
    page.page.get_by_role("tab", name="Latent").click()
    page.page.click("#read")
    page.page.wait_for_function("document.querySelector('#text textarea').value.length > 10")
    assert len(json.loads(page.page.input_value("#text textarea"))["latent"]) == 6
    page.changed("#stage", lambda: page.page.click("#reset"))
    page.changed("#stage", lambda: page.type("#number", 3))
    loaded = page.changed("#stage", lambda: page.page.click("#load"))
    assert "a loaded latent, class 0" in loaded
    assert page.page.input_value("#number input") == "0", "whose noise it has"
    assert re.search(r'src="([^"]+)"', loaded)[1] == moved


def test_a_walk_plays_and_can_be_paused_and_wound(page):
    page.slide("#frames", 2)
    page.slide("#stops", 2)
    page.page.click("#walk")
    page.page.wait_for_selector("#film .film")
    assert page.html("#film").count('class="frame"') == 4
    page.changed("#film", lambda: None)
    page.page.click("#film .play")
    page.page.eval_on_selector(
        "#film .at", "x => { x.value = 2; x.dispatchEvent(new Event('input', {bubbles: true})) }"
    )
    paused = page.html("#film")
    page.page.wait_for_timeout(300)
    assert page.html("#film") == paused
    assert page.page.evaluate("[...document.querySelectorAll('#film .frame')].map(x => x.hidden)") == [
        *(True, True, False, True)
    ]


def test_files_are_made_with_a_note_on_their_origin(page, tmp_path):
    page.page.get_by_role("tab", name="Save").click()
    for form, ending in (("sample as PNG", "png"), ("walk as GIF", "gif")):
        page.choose("#form", form)
        page.page.click("#make")
        link = page.page.wait_for_selector(f"#files a[download$='.{ending}']")
        with page.page.expect_download() as download:
            link.click()
        download.value.save_as(tmp_path / f"it.{ending}")
        assert inspect(tmp_path / f"it.{ending}")["experiment"] == "tiny"


def test_neighbours_are_shown_beside_the_sample(page):
    page.page.get_by_role("tab", name="Neighbours").click()
    page.page.click("#find")
    page.page.wait_for_selector("#neighbours figure")
    assert page.html("#neighbours").count("<img") == 2


def test_bad_input_gets_a_message_and_the_page_goes_on(page):
    assert "seed 99999999999: it must be 0 or more, below" in page.message(lambda: page.type("#seed", 99999999999))
    page.changed("#stage", lambda: page.type("#seed", 1))
    assert "sample -1: it must be 0 or more" in page.message(lambda: page.type("#number", -1))
    page.changed("#stage", lambda: page.type("#number", 1))
    assert "seed 1.5: give a whole number" in page.message(lambda: page.type("#seed", 1.5))
    page.changed("#stage", lambda: page.type("#seed", 2))
    assert "100% of" in page.changed("#stage", lambda: page.box("#share", "5"))
    assert "50% of" in page.changed("#stage", lambda: page.box("#share", "0.5"))
    assert "moved along directions" in page.changed("#stage", lambda: page.box("#direction_1", "9"))
    page.page.get_by_role("tab", name="Latent").click()
    page.page.fill("#text textarea", '{"latent": [1, 2]}')
    assert "no latent vector" in page.message(lambda: page.page.click("#load"))
    page.changed("#stage", lambda: page.slide("#direction_1", 1))


@pytest.mark.parametrize(
    "name",
    [
        "images of styles",
        *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("points", "sounds", "text", "clips", "shapes")),
    ],
)
def test_each_kind_is_shown_and_moves(browser, tmp_path, name):
    with served(MODELS[name](), tmp_path) as url:
        page = Page(browser, url)
        page.changed("#stage", lambda: page.page.click('#grid [data-number="2"]'))
        page.changed("#stage", lambda: page.slide("#share", 1))
        if name == "images of styles":
            page.changed("#stage", lambda: page.slide("#layer", 2))
            page.changed("#grid", lambda: page.slide("#truncation", 0.5))
        if name == "sounds":
            assert "<audio" in page.html("#stage")
        if name == "shapes":
            page.page.wait_for_selector("canvas")
        page.page.get_by_role("tab", name="Latent").click()
        page.page.click("#read")
        page.page.wait_for_function("document.querySelector('#text textarea').value.length > 10")
        assert "a loaded latent" in page.changed("#stage", lambda: page.page.click("#load"))
        page.page.get_by_role("tab", name="Neighbours").click()
        page.page.click("#find")
        page.page.wait_for_selector("#neighbours figure")
        page.close(url)


@pytest.mark.parametrize(
    ("name", "plays"),
    [
        pytest.param(name, plays, marks=pytest.mark.exhaustive)
        for name, plays in {
            "sounds": "audio",
            "text": ".frame",
            "clips": "img",
            "shapes": ".frame",
            "points": None,
        }.items()
    ],
)
def test_each_kind_walks_and_is_written_in_every_format(browser, tmp_path, name, plays):
    model = MODELS[name]()
    with served(model, tmp_path / "served") as url:
        page = Page(browser, url)
        if plays:
            page.slide("#frames", 2)
            page.slide("#stops", 2)
            page.page.click("#walk")
            page.page.wait_for_selector(f"#film {plays}", state="attached")
        else:
            assert not page.page.get_by_role("tab", name="Walk").is_visible()
        page.page.get_by_role("tab", name="Save").click()
        for form, (_, ending, _) in formats_of(model.view).items():
            page.choose("#form", form)
            page.page.click("#make")
            link = page.page.wait_for_selector(f"#files a[download$='{form.split()[0]}{ending}']")
            with page.page.expect_download() as download:
                link.click()
            file = tmp_path / form.replace(" ", "_")
            download.value.save_as(file)
            assert ending not in FORMATS or inspect(file)["experiment"] == "tiny"
        page.close(url)
