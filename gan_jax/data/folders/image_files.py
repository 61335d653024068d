"""Image files of many formats, and the reasons why one can't be used."""

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

FORMATS = (  # Pillow's, without documents, films and measurements
    *("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF", "JPEG2000", "PPM", "TGA", "MPO"),
    *("DIB", "DDS", "ICO", "PCX", "PSD", "QOI", "SGI", "SUN"),
)
UNMARKED = {"DIB", "PCX", "TGA"}  # recognised by ending only, since other files may begin like them by chance
LARGE = 2**26  # pixels
one_large = threading.Lock()


@functools.cache
def endings() -> dict[str, str]:
    """Formats by ending, as .jpg: JPEG, for all that this Pillow reads; HEIC too, if pillow-heif is installed."""
    from PIL import Image

    with contextlib.suppress(ModuleNotFoundError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.init()
    known = Image.registered_extensions()
    return {ending: kind for wanted in FORMATS for ending, kind in known.items() if kind == wanted}


def kinds_of(file: Path) -> list[str]:
    """The formats that a file may have, since endings are often wrong."""
    from PIL import Image

    own = endings().get(file.suffix.lower())
    return [kind for kind in FORMATS if kind in Image.OPEN and (kind not in UNMARKED or kind == own)]


@contextlib.contextmanager
def opened(file: Path) -> Iterator["Image"]:
    """Opens a file as a Pillow image.

    Raises:
      Unusable: It can't be opened, or reading it fails inside the context.
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
    """Makes large images wait for one another, since converting each takes gigabytes."""
    return one_large if image.width * image.height > LARGE else contextlib.nullcontext()


def is_image(file: Path) -> bool:
    """Whether the content is an image."""
    with contextlib.suppress(Unusable, OSError), opened(file):
        return True
    return False


def why_not(file: Path) -> str:
    """Why Pillow can't identify a file: the error from the reader of the format that it begins like."""
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
    return "isn't an image" if start else "is empty"


def broken(error: Exception) -> str:
    text = " ".join(str(error).split())
    if re.search("truncat|EOF|expected to read|incomplete|not enough|index out of range", text, re.IGNORECASE):
        return "is cut short"
    return f"can't be read ({text or type(error).__name__})"


@contextlib.contextmanager
def large_images_are_read() -> Iterator[None]:
    """Silences Pillow's warning of possible decompression bombs; certain ones it still refuses."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield
