"""A marked file says what made it, where its format has a place for that, and shows or sounds as before."""

import json
import struct
import wave
import xml.etree.ElementTree as ET
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import soundfile
from PIL import Image

from gan_jax import views
from gan_jax.storage.provenance import SYNTHETIC, Origin, hash_of, inspect, mark
from gan_jax.storage.provenance_formats import IPTC

ORIGIN = Origin('wgan_gp_<digits> & "more"', "ab" * 32, 4000, 7)
TOLD = ORIGIN.as_dict()


def png(file: Path) -> None:
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(5, 4, 3)).save(file)


def gif(file: Path) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 3, 60, 60, 1))
    views.images.walks[".gif"](noise, file)


def wav(file: Path) -> None:
    with wave.open(str(file), "wb") as stream:
        stream.setparams((1, 2, 16000, 0, "NONE", ""))
        stream.writeframes(np.arange(33, dtype="<i2").tobytes())


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mp4(file: Path) -> None:
    file.write_bytes(box(b"ftyp", b"isom") + box(b"mdat", b"frames") + box(b"moov", b"their table"))


def glb(file: Path) -> None:
    document, data = b'{"asset":{"version":"2.0"}} ', b"vertices"
    parts = struct.pack("<I4s", len(document), b"JSON") + document + struct.pack("<I4s", len(data), b"BIN\0") + data
    file.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts)


def stl(file: Path) -> None:
    file.write_text("solid nothing\nendsolid\n")


def flac(file: Path) -> None:
    soundfile.write(file, np.arange(-40, 40, dtype=np.int16), 16_000)


WRITERS = {".png": png, ".gif": gif, ".wav": wav, ".flac": flac, ".mp4": mp4, ".glb": glb, ".stl": stl}
EACH = pytest.mark.parametrize("ending", WRITERS)


@pytest.fixture
def file(tmp_path, ending):
    path = tmp_path / f"sample{ending}"
    WRITERS[ending](path)
    return path


@EACH
def test_what_is_marked_is_read_back(file):
    assert inspect(file) is None
    mark([file], ORIGIN)
    assert inspect(file) == TOLD
    assert TOLD["digital_source_type"] == SYNTHETIC


@EACH
def test_the_same_mark_gives_the_same_bytes(file, ending):
    mark([file], ORIGIN)
    first = file.read_bytes()
    WRITERS[ending](file)
    mark([file], ORIGIN)
    assert file.read_bytes() == first


@pytest.mark.parametrize("ending", [".png"])
def test_a_picture_too_large_for_pillow_is_marked_all_the_same(file, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    mark([file], ORIGIN)
    assert inspect(file) == TOLD


@pytest.mark.parametrize("ending", [".png", ".gif"])
def test_no_pixel_of_a_picture_changes(file):
    before = frames(file)
    mark([file], ORIGIN)
    np.testing.assert_array_equal(frames(file), before)


def frames(file: Path) -> list[np.ndarray]:
    with Image.open(file) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(np.asarray(image.convert("RGB")))
        return found


@pytest.mark.parametrize("ending", [".wav"])
def test_no_sample_of_a_sound_changes(file):
    mark([file], ORIGIN)
    with wave.open(str(file)) as stream:
        assert stream.getnframes() == 33
        assert stream.readframes(33) == np.arange(33, dtype="<i2").tobytes()
    assert struct.unpack_from("<I", file.read_bytes(), 4)[0] == file.stat().st_size - 8


@pytest.mark.parametrize("ending", [".flac"])
def test_no_sample_of_a_lossless_sound_changes(file):
    mark([file], ORIGIN)
    np.testing.assert_array_equal(soundfile.read(file, dtype="int16")[0], np.arange(-40, 40))


@pytest.mark.parametrize("ending", [".png", ".gif", ".mp4", ".wav", ".flac", ".glb"])
def test_what_a_file_is_called_does_not_matter(file):
    mark([file], ORIGIN)
    file.rename(other := file.with_suffix(".dat"))
    assert inspect(other) == TOLD


@pytest.mark.parametrize("ending", [".mp4"])
def test_no_byte_of_a_film_moves(file):
    before = file.read_bytes()
    mark([file], ORIGIN)
    assert file.read_bytes().startswith(before)


@pytest.mark.parametrize("ending", [".glb"])
def test_the_lengths_of_a_marked_scene_are_right(file):
    mark([file], ORIGIN)
    whole = file.read_bytes()
    _, _, length, size, kind = struct.unpack_from("<4sIII4s", whole)
    assert (length, kind, size % 4) == (len(whole), b"JSON", 0)
    assert whole.endswith(struct.pack("<I4s", 8, b"BIN\0") + b"vertices")
    assert json.loads(whole[20 : 20 + size])["asset"] == {"version": "2.0", "extras": TOLD}


@pytest.mark.parametrize("ending", [".png"])
def test_other_programs_find_the_source_type_as_xmp(file):
    mark([file], ORIGIN)
    with Image.open(file) as image:
        packet = image.info["XML:com.adobe.xmp"]
    (about,) = ET.fromstring(packet.partition("?>")[2].rpartition("<?")[0]).iter(
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
    )
    assert about.get(f"{{{IPTC}}}DigitalSourceType") == SYNTHETIC


RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
OTHERS = {  # ways to say it in XMP
    "an element": "<{d}{e}><e:DigitalSourceType>a camera</e:DigitalSourceType></{d}>",
    "an attribute": '<{d}{e} e:DigitalSourceType="a camera"/>',
    "a resource": '<{d}{e}><e:DigitalSourceType rdf:resource="a camera"/></{d}>',
}


@pytest.mark.parametrize("way", OTHERS)
@pytest.mark.parametrize("around", ["{}", '<y:xmpmeta xmlns:y="adobe:ns:meta/">{}</y:xmpmeta>'])
def test_the_source_type_that_another_program_wrote_is_read(tmp_path, way, around):
    from PIL import PngImagePlugin

    about = OTHERS[way].format(d="rdf:Description", e=f' xmlns:e="{IPTC}"')
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", around.format(f"<rdf:RDF {RDF}>{about}</rdf:RDF>"))
    Image.new("L", (3, 3)).save(tmp_path / "other.png", pnginfo=text)
    assert inspect(tmp_path / "other.png") == {"digital_source_type": "a camera"}


@pytest.mark.parametrize("comment", [b'{"a": 1}', b"{Artist} live", b'["digital_source_type"]'])
def test_a_comment_of_another_program_says_nothing(tmp_path, comment):
    wav(tmp_path / "live.wav")
    info = b"INFOICMT" + struct.pack("<I", len(comment)) + comment + b"\0" * (len(comment) % 2)
    whole = (tmp_path / "live.wav").read_bytes() + b"LIST" + struct.pack("<I", len(info)) + info
    (tmp_path / "live.wav").write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
    assert inspect(tmp_path / "live.wav") is None


def test_a_line_of_another_program_beside_a_file_stays_and_says_nothing(tmp_path):
    (tmp_path / "one.txt").write_text("in the beginning")
    (tmp_path / "provenance.jsonl").write_text('{"mine": 1}\n')
    assert inspect(tmp_path / "one.txt") is None
    mark([tmp_path / "one.txt"], ORIGIN)
    assert (tmp_path / "provenance.jsonl").read_text().splitlines()[0] == '{"mine": 1}'
    assert inspect(tmp_path / "one.txt") == TOLD


@pytest.mark.parametrize("ending", [".png", ".gif", ".mp4", ".wav"])
def test_a_file_whose_end_is_missing_is_told(file):
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ValueError, match="is it whole"):
        inspect(file)


@EACH
def test_a_file_that_was_cut_gives_an_error_or_says_what_is_left_whole(file, ending):
    mark([file], ORIGIN)
    whole = file.read_bytes()
    for size in (0, 3, 30, len(whole) // 2, len(whole) - 3):
        file.write_bytes(whole[:size])
        try:
            assert inspect(file) in (None, TOLD)
        except ValueError as error:
            assert f"sample{ending}" in str(error)  # noqa: PT017


def test_a_sidecar_has_a_line_for_each_file_and_knows_it_by_its_content(tmp_path):
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("in the beginning")
    other.write_text("was the word")
    mark([one, other], ORIGIN)
    mark([other], ORIGIN._replace(seed=8))
    assert len((tmp_path / "provenance.jsonl").read_text().splitlines()) == 2
    assert not (tmp_path / "provenance.jsonl.part").exists()
    other.rename(renamed := tmp_path / "renamed.txt")
    assert inspect(one) == TOLD
    assert inspect(renamed) == TOLD | {"seed": 8}
    one.write_text("in the end")
    assert inspect(one) is None


def test_a_broken_sidecar_is_named(tmp_path):
    (tmp_path / "one.txt").write_text("in the beginning")
    (tmp_path / "provenance.jsonl").write_text("{\n")
    with pytest.raises(ValueError, match=r"provenance\.jsonl is broken"):
        inspect(tmp_path / "one.txt")


def test_a_models_hash_is_of_its_values_and_of_their_places():
    model = {"a": jnp.arange(4.0), "b": jnp.ones(4)}
    assert hash_of(model) == hash_of(dict(model))
    for other in ({"a": jnp.ones(4), "b": jnp.arange(4.0)}, {"a": jnp.arange(4), "b": jnp.ones(4)}):
        assert hash_of(model) != hash_of(other)
    assert hash_of(model) != hash_of(model | {"b": jnp.nextafter(jnp.ones(4), 2)})
