"""Each kind of pixel has the right value: what the file says is black is 0, what it says is white 255."""

import struct
import zlib

import numpy as np
import PIL
import pytest
from PIL import Image, TiffImagePlugin
from source_properties import take

from gan_jax.data.folders.image_files import opened
from gan_jax.data.folders.images import images
from gan_jax.data.found import Unusable
from gan_jax.data.square import square

RIGHT = np.arange(16) * 17  # black to white
DEEP = np.tile(np.arange(16) * 4369, (16, 1)).astype(np.uint16)


def png(depth: int, kind: int, samples: np.ndarray, key: tuple[int, ...] = ()) -> bytes:
    """samples [16, 16, C] of 16 or 8 bits, or of 4 packed in bytes; key: the transparent colour."""
    data = samples.astype(">u2" if depth == 16 else np.uint8)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 16, 16, depth, kind, 0, 0, 0)
    clear = chunk(b"tRNS", np.array(key, ">u2").tobytes()) if key else b""
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + clear + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff(x: np.ndarray, **tags: int) -> bytes:
    """A TIFF of one strip with x's type; tags: bits, inverted (1: it isn't), low, high."""
    sample = {"u": 1, "i": 2, "f": 3}[x.dtype.kind]
    height, width = x.shape[0], 16
    entries = {256: width, 257: height, 258: tags.get("bits", x.itemsize * 8), 259: 1, 262: tags.get("inverted", 1)}
    entries |= {273: 0, 277: 1, 278: height, 279: x.nbytes}
    entries |= {280: tags["low"], 281: tags["high"]} if "low" in tags else {}
    entries |= {339: sample}
    entries[273] = 8 + 2 + 12 * len(entries) + 4
    listed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + listed + b"\0\0\0\0" + x.tobytes()


def pgm(top: int) -> bytes:
    return b"P5\n16 16\n%d\n" % top + (DEEP.astype(float) * top / 65535).round().astype(">u2").tobytes()


TWELVE = DEEP >> 4
PACKED = np.stack([TWELVE[:, ::2] >> 4, (TWELVE[:, ::2] & 15) << 4 | TWELVE[:, 1::2] >> 8, TWELVE[:, 1::2] & 255], -1)
RGB = np.stack([DEEP] * 3, -1)
OPAQUE = np.full_like(DEEP, 65535)
FILES = {
    "gray16.png": png(16, 0, DEEP),
    "graya16.png": png(16, 4, np.stack([DEEP, OPAQUE], -1)),
    "rgb16.png": png(16, 2, RGB),
    "rgba16.png": png(16, 6, np.stack([DEEP, DEEP, DEEP, OPAQUE], -1)),
    "gray16.pgm": pgm(65535),
    "gray12.pgm": pgm(4095),
    "gray10.pgm": pgm(1023),
    "plain12.pgm": b"P2\n16 16\n4095\n" + " ".join(map(str, TWELVE.ravel())).encode(),
    "rgb16.ppm": b"P6\n16 16\n65535\n" + RGB.astype(">u2").tobytes(),
    "gray16.tif": tiff(DEEP),
    "gray12.tif": tiff(PACKED.astype(np.uint8).reshape(16, -1), bits=12),
    "inverted16.tif": tiff(65535 - DEEP, inverted=0),
    "float.tif": tiff((DEEP / 65535).astype(np.float32)),
    "float_with_range.tif": tiff(DEEP.astype(np.float32), low=0, high=65535),
    "int32_with_range.tif": tiff(DEEP.astype(np.int32) + 1000, low=1000, high=66535),
}
CLEAR = {  # what was black, or the second level, is transparent
    "gray16.png": (png(16, 0, DEEP, (0,)), 0),
    "gray16 one.png": (png(16, 0, DEEP, (4369,)), 1),
    "gray16 none.png": (png(16, 0, DEEP, (4370,)), None),
    "graya16.png": (png(16, 4, np.stack([DEEP, OPAQUE * (DEEP > 0)], -1)), 0),
    "rgba16.png": (png(16, 6, np.stack([DEEP, DEEP, DEEP, OPAQUE * (DEEP > 0)], -1)), 0),
    "rgb16.png": (png(16, 2, RGB + 100 * (RGB == 4369), (4469,) * 3), 1),
    "gray8.png": (png(8, 0, DEEP >> 8, (17,)), 1),
    "gray4.png": (png(4, 0, (DEEP[:, ::2] // 4369 << 4) + DEEP[:, 1::2] // 4369, (1,)), 1),
}
AMBIGUOUS = {
    "float65535.tif": (tiff(DEEP.astype(np.float32)), "has samples from 0 to 65535, where 0 is black and 1 white"),
    "nan.tif": (tiff(np.where(DEEP, np.float32("nan"), np.float32(0))), "has samples from nan to nan"),
    "int32.tif": (tiff(DEEP.astype(np.int32)), "has integer samples and doesn't state which are black and white"),
    "int16.tif": (tiff((DEEP >> 1).astype(np.int16)), "has integer samples and doesn't state"),
    "int8.tif": (tiff((DEEP >> 9).astype(np.int8)), "has signed samples of 8 bits"),
    "beyond.tif": (tiff(DEEP.astype(np.int32), low=0, high=4095), "from 0 to 65535, where 0 is black and 4095 white"),
}


def pixels(file, content: bytes, channels: int = 1) -> np.ndarray:
    file.write_bytes(content)
    with opened(file) as image:
        return square(image, 16, channels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", FILES)
def test_deep_images_are_scaled_by_what_their_files_state(tmp_path, name, channels):
    x = pixels(tmp_path / name, FILES[name], channels)
    np.testing.assert_array_equal(x, np.broadcast_to(RIGHT[:, None], (16, 16, channels)))


@pytest.mark.parametrize("limit", [2**30, 0], ids=["on_device", "streamed"])
def test_deep_images_of_a_folder_have_the_same_values_wherever_they_live(tmp_path, limit):
    for name, content in (FILES | {name: content for name, (content, _) in AMBIGUOUS.items()}).items():
        (tmp_path / name).write_bytes(content)
    source = images(tmp_path, size=16, channels=1, limit=limit)
    assert [what for what, _ in source.found.skipped] == sorted(AMBIGUOUS)
    (batch,) = take(source, 1, batch_size=len(FILES))
    np.testing.assert_allclose(
        batch.x[..., 0], np.broadcast_to((RIGHT - 127.5) / 127.5, (len(FILES), 16, 16)), atol=1e-6
    )


@pytest.mark.parametrize("name", CLEAR)
def test_transparency_turns_white_whatever_the_depth(tmp_path, name):
    content, clear = CLEAR[name]
    right = RIGHT.copy()
    if clear is not None:
        right[clear] = 255
    np.testing.assert_array_equal(pixels(tmp_path / name, content)[0, :, 0], right)


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_could_be_any_grey_is_refused(tmp_path, name):
    content, why = AMBIGUOUS[name]
    with pytest.raises(Unusable, match=why):
        pixels(tmp_path / name, content)


def test_portable_float_map_goes_from_0_to_1(tmp_path):
    Image.fromarray((DEEP / 65535).astype(np.float32)).save(tmp_path / "0.pfm")
    np.testing.assert_array_equal(pixels(tmp_path / "0.pfm", (tmp_path / "0.pfm").read_bytes())[0, :, 0], RIGHT)


def test_range_may_be_stated_as_signed_samples(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[340], tags[341] = 0.0, 2.0
    Image.fromarray((DEEP / 32767.5).astype(np.float32)).save(tmp_path / "0.tif", tiffinfo=tags)
    np.testing.assert_array_equal(pixels(tmp_path / "0.tif", (tmp_path / "0.tif").read_bytes())[0, :, 0], RIGHT)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_is_read(tmp_path, mode, channels):
    if mode == "YCbCr" and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow below 13 can't read uncompressed TIFFs in YCbCr")
    grey = Image.new("RGB", (16, 16), (255, 255, 255)).convert("RGB" if mode == "LAB" else "L").convert(mode)
    grey.save(tmp_path / "0.tif")
    assert pixels(tmp_path / "0.tif", (tmp_path / "0.tif").read_bytes(), channels).min() >= 254
