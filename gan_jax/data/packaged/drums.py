"""88 drum hits, kept in the package: real sounds with nothing to download."""

from pathlib import Path

from gan_jax.data.folders.sounds import sound_example, sounds
from gan_jax.data.memory import blank, remembered
from gan_jax.data.source import Source
from gan_jax.errors import UserError

LENGTH, RATE = 16_384, 16_000
CLASSES = 6
FOLDER = Path(__file__).with_name("drums")


@remembered(Source)
def drums(split: str = "train") -> Source:
    """Load drum hits, [16384, 1] at 16 kHz in [-1, 1], with labels (CC0; see drums/README.md).

    The classes are cymbal, kick, percussion, snare, tabla and tom.

    Args:
      split: "train", 67 hits, or "test", the other 21, every fourth of each class.

    Raises:
      ValueError: There is no such split.
    """
    if split not in ("train", "test"):
        raise UserError(f"the drums have no split {split!r}: they have train and test")
    if source := blank(sound_example(LENGTH, labelled=True), CLASSES):
        return source
    source = sounds(FOLDER / split, rate=RATE, length=LENGTH, labels=True)
    return source._replace(name=f"drums {split}, {source.name}", split=drums, found=None, licence="CC0 1.0")
