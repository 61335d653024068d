"""Notes on a file's origin in the formats that have a place for them. The rest of a file stays as it is.

A note is a dict with at least `digital_source_type`, IPTC's.
"""

import json
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
XMP = "http://ns.adobe.com/xap/1.0/"
OWN = "urn:gan_jax:provenance:"
PNG_HEADER = 33  # bytes of signature and first chunk
PNG_TEXT = b"XML:com.adobe.xmp" + b"\0" * 5  # not compressed, of no language
GIF_BLOCK = b"\x21\xff\x0bXMP DataXMP"  # an application extension; XMP specification part 3, section 1.1.2
GIF_END = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"  # leads a reader of blocks to its end from any byte
MP4_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # of XMP; the same, section 1.1.3 (MPEG-4)


def as_xmp(claim: dict[str, Any]) -> bytes:
    """Returns a note as an XMP packet without padding. ISO 16684-1."""
    for prefix, space in {"rdf": RDF, "Iptc4xmpExt": IPTC, "xmp": XMP, "x": "adobe:ns:meta/", "gan_jax": OWN}.items():
        ET.register_namespace(prefix, space)
    top = ET.Element("{adobe:ns:meta/}xmpmeta")
    about = ET.SubElement(ET.SubElement(top, f"{{{RDF}}}RDF"), f"{{{RDF}}}Description", {f"{{{RDF}}}about": ""})
    about.set(f"{{{IPTC}}}DigitalSourceType", claim["digital_source_type"])
    about.set(f"{{{XMP}}}CreatorTool", f"gan_jax {claim['version']}")
    for name, value in claim.items():
        if name != "digital_source_type":
            about.set(f"{{{OWN}}}{name}", str(value))
    packet = ET.tostring(top, encoding="unicode")
    return f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{packet}<?xpacket end="r"?>'.encode()


def of_xmp(packet: bytes | str) -> dict[str, Any] | None:
    """Reads a note from an XMP packet of ours or of another program."""
    text = packet.decode("utf-8-sig") if isinstance(packet, bytes) else packet
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("its XMP declares entities")
    text = re.sub(r"<\?xpacket.*?\?>", "", text, flags=re.DOTALL).strip(" \r\n\t\0\ufeff")
    properties: dict[str, str] = {}
    for node in ET.fromstring(text).iter() if text else []:
        properties |= dict(node.attrib) | {node.tag: (node.text or "").strip() or node.get(f"{{{RDF}}}resource", "")}
    source = properties.get(f"{{{IPTC}}}DigitalSourceType")
    own: dict[str, Any] = {name.removeprefix(f"{{{OWN}}}"): value for name, value in properties.items() if OWN in name}
    numbers = {name: int(own[name]) for name in ("step", "seed") if name in own}
    return {"digital_source_type": source} | own | numbers if source else None


def to_png(file: Path, claim: dict[str, Any]) -> None:
    """Inserts an iTXt chunk after the header. PNG 3, section 11.3.3.4; XMP specification part 3, section 1.1.5."""
    content = b"iTXt" + PNG_TEXT + as_xmp(claim)
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    whole = file.read_bytes()
    file.write_bytes(whole[:PNG_HEADER] + chunk + whole[PNG_HEADER:])


def from_png(file: Path) -> dict[str, Any] | None:
    whole, at, note, kind = file.read_bytes(), 8, None, b""
    while at + 12 <= len(whole) and kind != b"IEND":
        size, kind = struct.unpack_from(">I4s", whole, at)
        content = whole[at + 8 : at + 8 + size]
        if kind == b"iTXt" and content.startswith(PNG_TEXT):
            note = of_xmp(content[len(PNG_TEXT) :])
        at += 12 + size
    if kind != b"IEND":
        raise ValueError("it was cut")
    return note


def to_gif(file: Path, claim: dict[str, Any]) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + GIF_BLOCK + as_xmp(claim) + GIF_END + whole[-1:])  # before the trailer


def from_gif(file: Path) -> dict[str, Any] | None:
    whole = file.read_bytes()
    if not whole.endswith(b";"):
        raise ValueError("it was cut")
    _, found, rest = whole.rpartition(GIF_BLOCK)
    return of_xmp(rest[: rest.index(GIF_END)]) if found else None


def to_mp4(file: Path, claim: dict[str, Any]) -> None:
    packet = MP4_UUID + as_xmp(claim)
    with file.open("ab") as stream:  # at the end, so that no offset in the file moves
        stream.write(struct.pack(">I4s", 8 + len(packet), b"uuid") + packet)


def from_mp4(file: Path) -> dict[str, Any] | None:
    whole = file.read_bytes()
    at = 0
    while at + 8 <= len(whole):
        size, kind = struct.unpack_from(">I4s", whole, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", whole, at + 8)
        if at + size > len(whole):
            raise ValueError("it was cut")
        if kind == b"uuid" and whole[at + 8 : at + 24] == MP4_UUID:
            return of_xmp(whole[at + 24 : at + size])
        if size < 8:  # 0: to the end of the file
            break
        at += size
    return None


def to_wav(file: Path, claim: dict[str, Any]) -> None:
    """Appends an INFO list with the software, and the note as a comment. RIFF 1991, section 2."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

    texts = {b"ISFT": f"gan_jax {claim['version']}", b"ICMT": json.dumps(claim)}
    info = chunk(b"LIST", b"INFO" + b"".join(chunk(name, text.encode() + b"\0") for name, text in texts.items()))
    whole = file.read_bytes()
    file.write_bytes(b"RIFF" + struct.pack("<I", len(whole) - 8 + len(info)) + whole[8:] + info)


def from_wav(file: Path) -> dict[str, Any] | None:
    whole = file.read_bytes()
    if len(whole) < 8 + struct.unpack_from("<I", whole, 4)[0]:
        raise ValueError("it was cut")
    comments = [text.decode(errors="replace") for name, text in chunks(whole, 12) if name == b"ICMT"]
    return next(filter(None, map(claim_of, comments)), None)


def chunks(whole: bytes, at: int) -> list[tuple[bytes, bytes]]:
    """Returns the chunks of a RIFF file, including those of an INFO list."""
    found: list[tuple[bytes, bytes]] = []
    while at + 8 <= len(whole):
        name, size = struct.unpack_from("<4sI", whole, at)
        content = whole[at + 8 : at + 8 + size]
        found += chunks(content, 4) if name == b"LIST" and content[:4] == b"INFO" else [(name, content.rstrip(b"\0"))]
        at += 8 + size + size % 2
    return found


def to_flac(file: Path, claim: dict[str, Any]) -> None:
    """Sets Vorbis comments. FLAC is lossless, so the file can be written again."""
    import soundfile

    with soundfile.SoundFile(file) as sound:
        samples, rate, subtype = sound.read(dtype="int32"), sound.samplerate, sound.subtype
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(file, "w", rate, channels, subtype, format="FLAC") as sound:
        sound.software, sound.comment = f"gan_jax {claim['version']}", json.dumps(claim)
        sound.write(samples)


def from_flac(file: Path) -> dict[str, Any] | None:
    import soundfile

    with soundfile.SoundFile(file) as sound:
        return claim_of(sound.comment)


def to_glb(file: Path, claim: dict[str, Any]) -> None:
    """Extends the extras of its asset. glTF 2.0, sections 4.4.3 and 5.9."""
    document, rest = glb_parts(file.read_bytes())
    document["asset"].setdefault("extras", {}).update(claim)
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    content = struct.pack("<I4s", len(text), b"JSON") + text + rest
    file.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(content)) + content)


def from_glb(file: Path) -> dict[str, Any] | None:
    return claim_of(json.dumps(glb_parts(file.read_bytes())[0]["asset"].get("extras")))


def glb_parts(whole: bytes) -> tuple[dict[str, Any], bytes]:
    """Returns the JSON of a GLB, and the bytes after it. glTF 2.0, section 4.4."""
    size, kind = struct.unpack_from("<I4s", whole, 12)
    if kind != b"JSON":
        raise ValueError("its first chunk is no JSON")
    return json.loads(whole[20 : 20 + size]), whole[20 + size :]


def claim_of(text: str | None) -> dict[str, Any] | None:
    """Returns the note that a JSON text holds, if it holds one."""
    try:
        note = json.loads(text or "")
    except ValueError:
        return None
    return note if isinstance(note, dict) and isinstance(note.get("digital_source_type"), str) else None


Writer = Callable[[Path, dict[str, Any]], None]
Reader = Callable[[Path], dict[str, Any] | None]
FORMATS: dict[str, tuple[Writer, Reader]] = {
    ".png": (to_png, from_png),
    ".gif": (to_gif, from_gif),
    ".mp4": (to_mp4, from_mp4),
    ".wav": (to_wav, from_wav),
    ".flac": (to_flac, from_flac),
    ".glb": (to_glb, from_glb),
}
BEGINNINGS: dict[str, Callable[[bytes], bool]] = {  # how files of a format begin, whatever their names
    ".png": lambda start: start.startswith(b"\x89PNG"),
    ".gif": lambda start: start.startswith(b"GIF8"),
    ".mp4": lambda start: start[4:8] == b"ftyp",
    ".wav": lambda start: start.startswith(b"RIFF") and start[8:12] == b"WAVE",
    ".flac": lambda start: start.startswith(b"fLaC"),
    ".glb": lambda start: start.startswith(b"glTF"),
}
