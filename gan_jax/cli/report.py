"""`gan-jax report`: runs as one page that opens offline."""

import os
from pathlib import Path

from tyro.conf import OmitArgPrefixes, Positional

from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.terminal import bad_input, printable
from gan_jax.errors import UserError


def report(
    runs: Positional[tuple[Path, ...]],
    out: Path | None = None,
    num: int = 16,
    compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
) -> None:
    """Show runs on one page: curves, samples, figures and settings. It opens offline, and can be mailed.

    A run may still be training. Several runs lie side by side, and their curves over one another.

    Args:
      runs: The runs' folders.
      out: The page; by default RUN/report.html, or report.html of several runs.
      num: New samples of the newest checkpoint; 0 opens none.
      compiled: Where compiled programs are kept.
    """
    with bad_input():
        if not runs:
            raise UserError("no runs: name the folders of one or more that `gan-jax train` made")
        if num < 0:
            raise UserError(f"num {num}: it must be 0 or more")
        try:
            from gan_jax.report.page import in_bytes, page_of
            from gan_jax.report.samples import newest_samples
        except ModuleNotFoundError as error:
            package = str(error.name).partition(".")[0]
            if package not in ("plotly", "jinja2", "markupsafe"):
                raise
            raise UserError(f"reports need {package}: pip install 'gan-jax[report]'") from error
        from gan_jax.evaluation.bars import each
        from gan_jax.report.read import read_runs
        from gan_jax.runs.folder import open_run
        from gan_jax.storage.files import write_whole

        folders = list({run.resolve(): run for run in runs}.values())
        opened = [open_run(folder) for folder in folders]
        page = check_page(out or (folders[0] / "report.html" if len(folders) == 1 else Path("report.html")))
        if num:
            keep(compiled)
        bar = each(opened if num else [], "samples", "run")
        newest = [newest_samples(run, num, len(opened)) for run in bar]
        records = read_runs(folders)  # now, as a run may have gone on
        content = in_bytes(page_of(records, newest))
        write_whole(page, content)
    names = ", ".join(record.name for record in records)
    print(printable(f"{page}: the report of {names}, {len(content) / 1e6:.1f} MB"))


def check_page(path: Path) -> Path:
    """Makes the folder of a page, or raises UserError if the page can't be written there."""
    if path.suffix != ".html" or path.is_dir():
        raise UserError(f"--out {path}: name a page, such as {path.with_suffix('.html')}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {path}: {error.strerror}; name a page in another folder") from error
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"--out {path}: the folder can't be written to; name a page in another one")
    return path
