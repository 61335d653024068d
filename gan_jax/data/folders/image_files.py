"""Image files as people have them: which there are, and why one can't be used."""

import contextlib
import functools
import re
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax.data.found import Unusable

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = (  # of Pillow's, without documents, films and measurements
    *("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM", "TGA", "MPO"),
    *("DIB", "DDS", "ICO", "PCX", "PSD", "QOI", "SGI", "SUN"),
)
UNMARKED = {"DIB", "PCX", "TGA"}  # known by their endings alone: they begin as other files may by chance
LARGE = 2**26  # pixels
one_large = threading.Lock()


@functools.cache
def endings() -> dict[str, str]:
    """As .jpg -> JPEG, of all that this Pillow reads: HEIC too, where pillow-heif is installed."""
    from PIL import Image

    with contextlib.suppress(ModuleNotFoundError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.init()
    known = Image.registered_extensions()
    return {ending: kind for wanted in FORMATS for ending, kind in known.items() if kind == wanted}


def kinds_of(file: Path) -> list[str]:
    """The formats that a file may be of: endings are often wrong."""
    from PIL import Image

    own = endings().get(file.suffix.lower())
    return [kind for kind in FORMATS if kind in Image.OPEN and (kind not in UNMARKED or kind == own)]


@contextlib.contextmanager
def opened(file: Path) -> Iterator["Image"]:
    """A file as a Pillow image.

    Raises:
      Unusable: it can't be opened, or what is done within fails.
    """
    from PIL import Image

    try:
        with Image.open(file, formats=kinds_of(file)) as image, in_turn(image):
            yield image
    except Image.UnidentifiedImageError as error:
        raise Unusable(why_not(file)) from error
    except Image.DecompressionBombError as error:
        raise Unusable(f"is too large: {str(error).split(',')[0]}") from error
    except (Unusable, ModuleNotFoundError, MemoryError):
        raise
    except Exception as error:  # a broken file can raise anything
        if isinstance(error, OSError) and error.errno:
            raise
        raise Unusable(broken(error)) from error


def in_turn(image: "Image") -> contextlib.AbstractContextManager:
    """Has large images wait for one another, since each takes gigabytes as it is converted."""
    return one_large if image.width * image.height > LARGE else contextlib.nullcontext()


def is_image(file: Path) -> bool:
    """Whether it is one by what it holds."""
    with contextlib.suppress(Unusable, OSError), opened(file):
        return True
    return False


def why_not(file: Path) -> str:
    """Why Pillow can't tell what a file is: what the reader of the format that it begins like says."""
    from PIL import Image

    with file.open("rb") as stream:
        start = stream.read(16)
        for kind in kinds_of(file):
            read, begins = Image.OPEN[kind]
            if begins is not None and begins(start) is True:
                stream.seek(0)
                try:
                    read(stream, str(file))
                except Exception as error:
                    return broken(error)
    return "is no image" if start else "is empty"


def broken(error: Exception) -> str:
    text = " ".join(str(error).split())
    if re.search("truncat|EOF|expected to read|incomplete|not enough", text, re.IGNORECASE):
        return "is cut short"
    return f"can't be read ({text or type(error).__name__})"


@contextlib.contextmanager
def large_images_are_read() -> Iterator[None]:
    """Silences Pillow's warning of images that may be decompression bombs: those that surely are, it refuses itself."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield
