"""`gan-jax report` writes one page that holds everything and that nothing in a run can break out of."""

import html.parser
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from command_line import refused

from gan_jax.cli import main as cli
from gan_jax.report.page import as_script, duration

EVIL = "</script><img src=x onerror=alert(1)>\"'&"


class Page(html.parser.HTMLParser):
    """The elements of a page, and the text outside of scripts."""

    def __init__(self, file: Path):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(file.read_text())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.cdata_elem is None:  # neither a script nor a style
            self.text += data


def report(capsys, *arguments: str) -> str:
    capsys.readouterr()
    cli.main(["report", *arguments])
    return capsys.readouterr().out


def test_the_report_of_a_run_lies_in_it_unless_told_otherwise(run, capsys, monkeypatch):
    said = report(capsys, str(run))
    assert said.startswith(f"{run / 'report.html'}: the report of run, ")
    assert said.endswith(" MB\n")
    monkeypatch.chdir(run.parent)
    shutil.copytree(run, "other")
    assert report(capsys, "run", "other", "run").startswith("report.html: the report of run, other, ")
    assert report(capsys, "run", "--out", "new/page.html", "--num", "0").startswith("new/page.html: ")
    assert "Newest samples" in Page(Path("report.html")).text
    assert "Newest samples" not in Page(Path("new/page.html")).text


def test_the_same_run_gives_the_same_bytes(run, tmp_path, capsys):
    for name in ("a.html", "b.html"):
        report(capsys, str(run), "--out", str(tmp_path / name))
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_page_names_no_other_file_and_no_host(three_games, tmp_path, capsys):
    report(capsys, str(three_games), "--out", str(tmp_path / "page.html"))
    page = Page(tmp_path / "page.html")
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "data", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    policy = next(given["content"] for tag, given in page.elements if "http-equiv" in given)
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy


def test_a_page_says_what_a_run_is_and_how_far_it_came(three_games, tmp_path, capsys):
    report(capsys, str(three_games), "--out", str(tmp_path / "page.html"))
    text = " ".join(Page(tmp_path / "page.html").text.split())
    for part in ("tiny", "gaussians8", "6 of 6, done", "wasserstein ↓", "Protocol", "learning_rate"):
        assert part in text
    assert "gan-jax neighbours RUN" in text


def test_a_run_that_still_trains_has_a_page(run, capsys):
    (run / "config.json").write_text((run / "config.json").read_text().replace('"steps": 6', '"steps": 12'))
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "critic')
    (run / "checkpoints" / "9").mkdir()
    (run / "samples" / "step_0000009.png").write_bytes(b"\x89PNG")
    report(capsys, str(run))
    assert "9 of 12, still training or stopped" in " ".join(Page(run / "report.html").text.split())


def test_a_run_at_its_beginning_has_a_page(run, capsys):
    for name in ("samples", "tensorboard", "checkpoints"):
        shutil.rmtree(run / name)
    (run / "metrics.jsonl").unlink()
    report(capsys, str(run))
    text = Page(run / "report.html").text
    for part in ("No metrics yet", "No pictures yet", "No samples were drawn", "None yet: "):
        assert part in text


def test_games_that_have_diverged_leave_gaps(three_games, tmp_path, capsys):
    run = Path(shutil.copytree(three_games, tmp_path / "run"))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    broken = [{name: v if name == "step" else [v[0], None, None] for name, v in line.items()} for line in lines]
    empty = {name: v if name == "step" else [None] * 3 for name, v in broken[-1].items()}
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*broken, empty]))
    report(capsys, str(run), "--num", "0")
    assert "critic/loss" in Page(run / "report.html").text


def test_names_and_texts_are_no_html(run, tmp_path, capsys):
    evil = run.rename(tmp_path / EVIL.replace("/", "_"))
    config = json.loads((evil / "config.json").read_text())
    config |= {"experiment": EVIL, "data": EVIL, "versions": {EVIL: EVIL}}
    config["arguments"][EVIL] = EVIL
    (evil / "config.json").write_text(json.dumps(config))
    with (evil / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 8, EVIL: 1.0, f"critic/{EVIL}": 0.0}) + "\n" + f'{{"step": "{EVIL}"}}\n')
    (evil / "rollbacks.jsonl").write_text(json.dumps({"to": 4, "why": EVIL}) + "\n")
    (evil / "skipped.txt").write_text(EVIL)
    (evil / "experiment.py").write_text(f"raise ValueError({EVIL!r})")
    result = {"figures": {EVIL: [1.0]}, "quartiles": {EVIL: [1.0] * 3}, "collapsed": 0, "better": {}, "floor": None}
    result |= {"protocol": {EVIL: EVIL}, "made": {"games": 1, "seed": EVIL, "versions": {}, "step": EVIL}}
    (evil / "result.json").write_text(json.dumps({"results": [result]}))
    other = Path(shutil.copytree(evil, tmp_path / "other"))
    report(capsys, str(evil), str(other), "--out", str(tmp_path / "page.html"))
    elements = Page(tmp_path / "page.html").elements
    assert all("onerror" not in attributes for _, attributes in elements)
    assert not [tag for tag, attributes in elements if tag == "img" and attributes["src"] == "x"]
    assert Page(tmp_path / "page.html").text.count(EVIL) > 10


def test_json_cannot_end_its_script():
    script = as_script({EVIL: [EVIL]})
    assert not set(script) & set("<>&")
    assert json.loads(script) == {EVIL: [EVIL]}


def test_a_name_that_is_not_utf8_is_escaped(run, tmp_path, capsys):
    strange = run.rename(tmp_path / "caf\udce9")
    report(capsys, str(strange), "--out", str(tmp_path / "page.html"), "--num", "0")
    assert "caf\\udce9" in Page(tmp_path / "page.html").text


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (29, "29 s"), (60, "1 min"), (3599, "1 h 0 min"), (7500, "2 h 5 min")]
)
def test_times_are_told_in_hours_and_minutes(seconds, said):
    assert duration(seconds) == said


def test_neighbours_are_shown_where_they_were_drawn(run, capsys):
    shutil.copy(run / "samples" / "step_0000006.png", run / "neighbours.png")
    report(capsys, str(run), "--num", "0")
    page = Page(run / "report.html")
    assert [given for tag, given in page.elements if tag == "img" and given.get("class") == "neighbours"]
    assert "gan-jax neighbours" not in page.text


def test_bad_input_is_refused_in_one_line(run, monkeypatch, capsys):
    monkeypatch.chdir(run.parent)
    Path("file").touch()
    Path("folder.html").mkdir()
    assert "no runs" in refused(capsys, "report")
    assert "isn't a run" in refused(capsys, "report", "run", "nowhere")
    assert "such as page.html" in refused(capsys, "report", "run", "--out", "page.txt")
    assert "name a page" in refused(capsys, "report", "run", "--out", "folder.html")
    assert "in another folder" in refused(capsys, "report", "run", "--out", "file/page.html")
    assert "0 or more" in refused(capsys, "report", "run", "--num", "-1")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "can't be written to" in refused(capsys, "report", "run")


@pytest.mark.parametrize("package", ["plotly", "jinja2"])
def test_a_missing_package_names_the_extra(run, package, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith(("gan_jax.report", package))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.chdir(run.parent)
    assert "pip install 'gan-jax[report]'" in refused(capsys, "report", "run")
