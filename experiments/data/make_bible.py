"""Makes gan_jax/data/packaged/bible/new_testament.txt.xz again, from Debian's packages bible-kjv and bible-kjv-text.

apt-get install bible-kjv && python experiments/data/make_bible.py
"""

import lzma
import subprocess
from pathlib import Path

OUT = Path(__file__).parents[2] / "gan_jax/data/packaged/bible/new_testament.txt.xz"
VERSES = 7957


def main() -> None:
    """Writes one verse per line, without its reference."""
    printed = subprocess.run(
        ["bible", "-f", "mat1:1-rev22:21"], check=True, capture_output=True, encoding="ascii"
    ).stdout
    verses = [line.split(" ", 1)[1].strip() for line in printed.splitlines()]
    if len(verses) != VERSES:
        raise ValueError(f"{len(verses)} verses, where the New Testament has {VERSES}")
    text = "".join(f"{verse}\n" for verse in verses)
    OUT.write_bytes(lzma.compress(text.encode("ascii"), preset=9 | lzma.PRESET_EXTREME))
    print(f"{OUT}: {len(verses)} verses, {len(text)} characters in {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
