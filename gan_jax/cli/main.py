"""The command `gan-jax`. Each subcommand has a file in this folder and imports what it needs, so that --help is quick.

Exit codes: 0 done, 2 bad input (one line on stderr, nothing written), 3 diverged, 130 and 143 stopped by SIGINT and
SIGTERM, 1 anything else.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence

import gan_jax
from gan_jax.cli.arguments import experiment_among
from gan_jax.cli.compare import compare
from gan_jax.cli.directions import directions
from gan_jax.cli.evaluate import evaluate
from gan_jax.cli.explore import explore
from gan_jax.cli.export import export
from gan_jax.cli.inspect import inspect
from gan_jax.cli.invert import invert
from gan_jax.cli.list import list_experiments
from gan_jax.cli.neighbours import neighbours
from gan_jax.cli.plan import plan, plan_with_arguments_of
from gan_jax.cli.prepare import prepare
from gan_jax.cli.report import report
from gan_jax.cli.resume import resume
from gan_jax.cli.sample import sample
from gan_jax.cli.sweep import sweep, sweep_with_arguments_of
from gan_jax.cli.terminal import SIGNAL, bad_input, fail, parse, warnings_on_stderr
from gan_jax.cli.train import train, train_with_arguments_of


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command, and exits with its code unless that is 0."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments == ["--version"]:
        print(f"gan-jax {gan_jax.__version__}")
        return
    commands: dict[str, Callable[..., None]] = {
        "list": list_experiments,
        "train": train,
        "plan": plan,
        "resume": resume,
        "sweep": sweep,
        "prepare": prepare,
        "sample": sample,
        "directions": directions,
        "invert": invert,
        "explore": explore,
        "export": export,
        "inspect": inspect,
        "evaluate": evaluate,
        "compare": compare,
        "neighbours": neighbours,
        "report": report,
    }
    of_experiments = {
        "train": train_with_arguments_of,
        "sweep": sweep_with_arguments_of,
        "plan": plan_with_arguments_of,
    }
    try:
        for name, of_experiment in of_experiments.items():
            if arguments[:1] == [name] and (file := experiment_among(arguments[1:])):
                with bad_input():
                    commands[name] = of_experiment(file)
        with warnings_on_stderr():
            parse(commands, arguments)()
        sys.stdout.flush()
    except BrokenPipeError:  # as in `gan-jax list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes at its end
        sys.exit(SIGNAL + signal.SIGPIPE)
    except KeyboardInterrupt:
        fail("interrupted", SIGNAL + signal.SIGINT)
