"""Makes gan_jax/data/packaged/drums/ from the one-shots of Debian's sonic-pi-samples that its copyright file calls CC0.

apt-get install sonic-pi-samples && python experiments/data/make_drums.py

Each hit becomes 16-bit mono at 16 kHz with its peak at -1 dB. It begins where it rises above -40 dB of its peak and
ends where it falls below that for good, or after 1.024 s, faded over 10 ms. Every fourth hit of each class is held out.
"""

import math
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tyro
from scipy.signal import resample_poly

RATE, LONGEST, FADE = 16_000, 16_384, 160
QUIET, PEAK = 0.01, 0.89  # of the peak, -40 dB; of full scale, -1 dB
CLASSES = {
    "cymbal": r"drum_cymbal_.*|drum_splash_.*|elec_cymbal",
    "kick": r"bd_.*|drum_bass_.*|drum_heavy_kick|elec_hollow_kick|elec_soft_kick",
    "percussion": r"drum_cowbell|perc_bell|perc_snap2?|"
    r"elec_(beep|bell|blip2?|blup|bong|chime|flip|ping|plip|pop|tick|triangle|twang|twip|wood)",
    "snare": r"sn_.*|drum_snare_.*|elec_(filt_|hi_|lo_|mid_)?snare",
    "tabla": r"tabla_.*",
    "tom": r"drum_tom_.*|elec_fuzz_tom",
}


class Entry(NamedTuple):
    """The entry of one sample in the copyright file."""

    author: str
    source: str


def main(
    samples: Path = Path("/usr/share/sonic-pi/samples"),
    copyright_file: Path = Path("/usr/share/doc/sonic-pi-samples/copyright"),
    out: Path = Path("gan_jax/data/packaged/drums"),
) -> None:
    """Write the hits as FLAC, and print the table of their sources.

    Args:
      samples: Folder of the package's sounds.
      copyright_file: The package's list of authors and licences.
      out: Folder to replace, except for its README.
    """
    import soundfile

    entries = free(copyright_file.read_text())
    for split in ("train", "test"):
        shutil.rmtree(out / split, ignore_errors=True)
    print("| file | author | source |\n|---|---|---|")
    for name, pattern in CLASSES.items():
        files = [file for file in sorted(samples.glob("*.flac")) if re.fullmatch(pattern, file.stem)]
        for number, file in enumerate(file for file in files if file.stem in entries):
            place = Path("test" if number % 4 == 2 else "train") / name / file.name
            (out / place).parent.mkdir(parents=True, exist_ok=True)
            sound, rate = soundfile.read(file, always_2d=True)
            soundfile.write(out / place, hit(sound.mean(1), rate), RATE, subtype="PCM_16")
            print(f"| {place} | {entries[file.stem].author} | {entries[file.stem].source} |")


def free(text: str) -> dict[str, Entry]:
    """Returns the samples that are CC0 by a machine-readable copyright file (Debian's DEP 5)."""
    found = {}
    for paragraph in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^(\w+):\s*(.+)$", paragraph, re.MULTILINE))
        if fields.get("License") == "CC0" and fields.get("Files", "").startswith("etc/samples/"):
            author = re.sub(r"^\d+ | <.*>", "", fields["Copyright"])
            found[Path(fields["Files"]).stem] = Entry(author, fields.get("Source", "not given"))
    return found


def hit(sound: np.ndarray, rate: int) -> np.ndarray:
    """Converts a sound [T] at any rate to [LONGEST or fewer] at RATE."""
    common = math.gcd(RATE, rate)
    sound = resample_poly(sound, RATE // common, rate // common)
    loud = np.flatnonzero(np.abs(sound) > QUIET * np.abs(sound).max())
    sound = sound[loud[0] : min(loud[-1] + FADE, loud[0] + LONGEST)]
    fade = min(FADE, len(sound))
    sound[len(sound) - fade :] *= np.linspace(1, 0, fade)
    return sound * PEAK / np.abs(sound).max()


if __name__ == "__main__":
    tyro.cli(main)
