"""Files from strangers: what is loaded can't run code, fill the memory or reach outside its folder.

tests/nets/test_torch_file.py and test_classifier.py have weights that are programs, tests/data/test_folder.py images
that are bombs.
"""

import ast
import json
import pickle
import shutil
from pathlib import Path

import pytest

import gan_jax
from gan_jax.cli import main as cli
from gan_jax.evaluation.result_file import load
from gan_jax.storage.files import LARGEST

SOURCES = sorted(Path(gan_jax.__file__).parent.rglob("*.py"))


@pytest.fixture
def opened(tmp_path):
    """A folder with the config.json of a run."""
    config = {"experiment": "tiny", "arguments": {"steps": 1, "batch_size": 1}, "options": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


HUGE = "[" + "0," * LARGEST + "0]"
NESTED = "[" * 100_000 + "]" * 100_000


class Program:
    """Pickled, it makes a file where it is loaded."""

    def __reduce__(self):
        return Path.touch, (Path("pwned"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HUGE, "bytes, where 10,000,000 are many"),
        (NESTED, "nested too deeply"),
        (pickle.dumps(Program()).decode("latin1"), ""),
        ('{"format": 2, "experiment": "x", "arguments": {}, "options": {"__class__": 1}, "data": ""}', "__class__"),
        ("!!python/object/apply:os.system ['touch pwned']", ""),
    ],
    ids=["huge", "nested", "pickle", "options of another name", "yaml tag"],
)
def test_a_hostile_config_is_refused_at_once_and_runs_nothing(opened, monkeypatch, capsys, text, says):
    monkeypatch.chdir(opened)
    (opened / "config.json").write_bytes(text.encode("latin1"))
    with pytest.raises(SystemExit) as exit_:
        cli.main(["resume", "."])
    assert exit_.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith("gan-jax: config.json is broken (")
    assert says in line
    assert line.count("\n") == 1
    assert not Path("pwned").exists()


@pytest.mark.parametrize("text", [HUGE, NESTED, '{"results": [{"protocol": {}}]}'])
def test_a_hostile_result_is_refused(tmp_path, text):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(ValueError, match=r"result\.json is broken"):
        load(tmp_path / "result.json")


@pytest.mark.parametrize("name", ["../../outside", "/outside", "a/../../outside"])
def test_a_data_sets_name_that_is_a_path_is_refused(tmp_path, capsys, name):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["prepare", name, "--data-dir", str(tmp_path / "data")])
    assert exit_.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_nothing_loads_what_can_run_code(file):
    """But gan_jax/storage/user_file.py, which runs the user's own file, and the whitelist reader of torch's weights."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in (
                "eval",
                "exec",
                "pickle.load",
                "pickle.loads",
                "yaml.load",
                "torch.load",
                "marshal.loads",
            )
            assert not name.endswith("exec_module") or file.name == "user_file.py"
            if name.endswith("np.load"):
                assert any(k.arg == "allow_pickle" and ast.unparse(k.value) == "False" for k in node.keywords)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not names & {"pickle", "yaml", "marshal", "shelve", "dill", "cloudpickle"} or (
                file.name == "torch_file.py" and names <= {"pickle", None}
            )
