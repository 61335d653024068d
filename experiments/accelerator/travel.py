"""What travels of runs: their folders home, and a checkpoint back to the next machine."""

import tarfile
from pathlib import Path

LIMIT = 15 * 2**20  # bytes of a run whose checkpoint comes home


def bring_home(runs: Path, out: Path) -> list[str]:
    """Packs all runs without checkpoints into OUT/runs.tar.gz, and each small one with its last one into NAME.tar.

    Returns a line for each that is too large.
    """
    too_large = []
    with tarfile.open(out / "runs.tar.gz", "w:gz") as archive:
        archive.add(runs, "runs", filter=lambda member: None if "/checkpoints" in member.name else member)
    for run in sorted(folder for folder in runs.iterdir() if folder.is_dir()):
        files = [file for file in run.rglob("*") if file.is_file() and "checkpoints" not in file.parts]
        if last := last_checkpoint(run):
            files += [file for file in last.rglob("*") if file.is_file()]
        if (size := sum(file.stat().st_size for file in files)) > LIMIT:
            too_large.append(f"{run.name}: {size / 2**20:.0f} MiB with its checkpoint, which stays behind")
            continue
        with tarfile.open(out / f"{run.name}.tar", "w") as archive:
            for file in files:
                archive.add(file, file.relative_to(runs))
    return too_large


def last_checkpoint(run: Path) -> Path | None:
    """Of the highest step; one that was being written has another name."""
    steps = [folder for folder in (run / "checkpoints").glob("*") if folder.name.isdecimal()]
    return max(steps, key=lambda folder: int(folder.name), default=None)


def bring_in(packed: Path, runs: Path) -> None:
    """Unpacks PACKED/*/NAME.tar, where there is no such run yet."""
    for file in sorted(packed.glob("?/*.tar")):
        if not (runs / file.stem).exists():
            with tarfile.open(file) as archive:
                archive.extractall(runs, filter="data")
