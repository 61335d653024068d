"""`gan-jax explore`: a page in the browser to play with a generator."""

import contextlib
import signal
import sys
import tempfile
from pathlib import Path

from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional

from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.terminal import SIGNAL, bad_input, say
from gan_jax.errors import UserError
from gan_jax.runs.trained import Which


def explore(
    model: Positional[Path],
    port: int = 7860,
    host: str = "127.0.0.1",
    open: FlagCreatePairsOff[bool] = False,
    directions: Path | None = None,
    game: int = 0,
    checkpoint: Which = "latest",
    data: Path | None = None,
    compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
) -> None:
    """Serve a page to play with the averaged (EMA) generator of a run or a bundle, for a browser on this machine.

    It asks no other host for anything.

    Args:
      model: A run's folder, a bundle that `gan-jax export` wrote, or zoo:NAME.
      port: The page's port; 0 for any free one.
      host: Who may open the page: by default this machine alone; 0.0.0.0: everyone in the network, without a password.
      open: Open the page in a browser.
      directions: A file of directions that `gan-jax directions` saved.
      game: Which game of a run of several, from 0.
      checkpoint: The newest, or the best of a run that was evaluated during training.
      data: Where the run's data lie now, if they were moved, to find nearest training examples.
      compiled: Where compiled programs are kept.
    """
    from gan_jax.models.open import open_model

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(SIGNAL + signal.SIGTERM))
    with contextlib.ExitStack() as stack:
        with bad_input(model / "experiment.py"):
            try:
                from gan_jax.explorer.serve import actions_of, app_of, files_in, listening, serve
            except ModuleNotFoundError as error:
                raise UserError("the page is made by gradio: pip install 'gan-jax[explore]'") from error
            keep(compiled)
            socket = stack.enter_context(listening(host, port))
            opened = open_model(model, game, checkpoint)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gan_jax_explore_"))
            actions = actions_of(opened, model, checkpoint, data, directions, files_in(folder))
            app = app_of(actions, directions, socket)
            say("compiling the generator, which may take half a minute the first time")
            actions.pictures(*actions.start.flat)
        serve(app, opened, socket, open_browser=open)
