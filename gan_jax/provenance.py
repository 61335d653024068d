"""What a generated file says of its origin, in the place that its format has for that.

PNG, GIF and MP4 carry XMP with the IPTC's DigitalSourceType, which photo software and search engines read; WAV carries
an INFO chunk, GLB its asset's extras, and what has no such place a line in provenance.jsonl beside it. Nothing of the
sample itself changes. docs/provenance.md says what that protects against, and what it doesn't.
"""

import hashlib
import importlib.metadata
import json
import struct
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"  # IPTC, Digital Source Type
SIDECAR = "provenance.jsonl"

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
XMP = "http://ns.adobe.com/xap/1.0/"
OWN = "urn:gan_jax:provenance:"
PNG_KEY = "XML:com.adobe.xmp"
GIF_BLOCK = b"\x21\xff\x0bXMP DataXMP"  # an application extension; XMP specification part 3, section 1.1.2
GIF_END = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"  # wherever in the text a reader of blocks lands, it ends there
MP4_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # of XMP; the same, section 1.1.3 (MPEG-4)


class Origin(NamedTuple):
    """What made a sample.

    model: SHA-256 of the generator's variables. seed: of the samples. version: of gan_jax.
    """

    experiment: str
    model: str
    step: int
    seed: int
    version: str = importlib.metadata.version("gan-jax")

    def as_dict(self) -> dict[str, Any]:
        """With the source type in front."""
        return {"digital_source_type": SYNTHETIC, **self._asdict()}


def hash_of(variables: Any) -> str:
    """The SHA-256 of a tree of arrays: of each leaf's path, type, shape and bytes."""
    import jax
    import numpy as np

    found = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(variables):
        array = np.asarray(leaf)
        found.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def mark(files: Sequence[Path], origin: Origin) -> None:
    """Writes the origin into files of one folder, or where a format has no place for that, into provenance.jsonl."""
    claim = origin.as_dict()
    for file in files:
        if file.suffix in FORMATS:
            FORMATS[file.suffix][0](file, claim)
    without = [file for file in files if file.suffix not in FORMATS]
    if without:
        to_sidecar(without, claim)


def inspect(file: Path) -> dict[str, Any] | None:
    """What a file says of its origin; None if nothing.

    Raises:
      FileNotFoundError: no such file.
      ValueError: it isn't a file of the kind that its ending says.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file")
    ending = file.suffix.lower()
    try:
        found = FORMATS[ending][1](file) if ending in FORMATS else None
    except Exception as error:  # of Pillow, struct, json and ElementTree alike
        raise ValueError(f"{file} can't be read as {ending[1:]} ({error}): is it whole?") from error
    return found or from_sidecar(file)


def as_xmp(claim: dict[str, Any]) -> bytes:
    """An XMP packet, without padding. ISO 16684-1."""
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
    """What a packet says of its source, ours or another program's."""
    text = packet.decode() if isinstance(packet, bytes) else packet
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("its XMP declares entities")
    properties: dict[str, str] = {}
    for node in ET.fromstring(text[text.index("<x:xmpmeta") : text.index("</x:xmpmeta>") + len("</x:xmpmeta>")]).iter():
        properties |= dict(node.attrib) | {node.tag: (node.text or "").strip()}
    source = properties.get(f"{{{IPTC}}}DigitalSourceType")
    own: dict[str, Any] = {name.removeprefix(f"{{{OWN}}}"): value for name, value in properties.items() if OWN in name}
    numbers = {name: int(own[name]) for name in ("step", "seed") if name in own}
    return {"digital_source_type": source} | own | numbers if source else None


def to_png(file: Path, claim: dict[str, Any]) -> None:
    from PIL import Image, PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_itxt(PNG_KEY, as_xmp(claim).decode())
    with Image.open(file) as image:
        image.load()
        image.save(file, pnginfo=text)


def from_png(file: Path) -> dict[str, Any] | None:
    from PIL import Image

    with Image.open(file) as image:
        image.load()
        packet = image.info.get(PNG_KEY)
    return of_xmp(packet) if packet else None


def to_gif(file: Path, claim: dict[str, Any]) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + GIF_BLOCK + as_xmp(claim) + GIF_END + whole[-1:])  # before the trailer


def from_gif(file: Path) -> dict[str, Any] | None:
    whole = file.read_bytes()
    if not whole.startswith(b"GIF8"):
        raise ValueError("no GIF")
    _, found, rest = whole.partition(GIF_BLOCK)
    return of_xmp(rest[: rest.index(GIF_END)]) if found else None


def to_mp4(file: Path, claim: dict[str, Any]) -> None:
    packet = MP4_UUID + as_xmp(claim)
    with file.open("ab") as stream:  # at the end, so that no offset in the file moves
        stream.write(struct.pack(">I4s", 8 + len(packet), b"uuid") + packet)


def from_mp4(file: Path) -> dict[str, Any] | None:
    whole = file.read_bytes()
    if whole[4:8] != b"ftyp":
        raise ValueError("no MP4")
    at = 0
    while at + 8 <= len(whole):
        size, kind = struct.unpack_from(">I4s", whole, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", whole, at + 8)
        if kind == b"uuid" and whole[at + 8 : at + 24] == MP4_UUID:
            return of_xmp(whole[at + 24 : at + size])
        if size < 8:  # 0: to the end of the file
            break
        at += size
    return None


def to_wav(file: Path, claim: dict[str, Any]) -> None:
    """An INFO list at the end: the software, and a comment that holds all of it. RIFF 1991, section 2."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

    told = {b"ISFT": f"gan_jax {claim['version']}", b"ICMT": json.dumps(claim)}
    info = chunk(b"LIST", b"INFO" + b"".join(chunk(name, text.encode() + b"\0") for name, text in told.items()))
    whole = file.read_bytes()
    file.write_bytes(b"RIFF" + struct.pack("<I", len(whole) - 8 + len(info)) + whole[8:] + info)


def from_wav(file: Path) -> dict[str, Any] | None:
    whole = file.read_bytes()
    if whole[:4] != b"RIFF" or whole[8:12] != b"WAVE":
        raise ValueError("no WAV")
    return next((json.loads(text) for name, text in chunks(whole, 12) if name == b"ICMT" and text[:1] == b"{"), None)


def chunks(whole: bytes, at: int) -> list[tuple[bytes, bytes]]:
    """The chunks of a RIFF file, those of an INFO list among them."""
    found: list[tuple[bytes, bytes]] = []
    while at + 8 <= len(whole):
        name, size = struct.unpack_from("<4sI", whole, at)
        content = whole[at + 8 : at + 8 + size]
        found += chunks(content, 4) if name == b"LIST" and content[:4] == b"INFO" else [(name, content.rstrip(b"\0"))]
        at += 8 + size + size % 2
    return found


def to_glb(file: Path, claim: dict[str, Any]) -> None:
    """The extras of its asset. glTF 2.0, sections 4.4.3 and 5.9."""
    document, rest = glb_parts(file.read_bytes())
    document["asset"].setdefault("extras", {}).update(claim)
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    content = struct.pack("<I4s", len(text), b"JSON") + text + rest
    file.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(content)) + content)


def from_glb(file: Path) -> dict[str, Any] | None:
    extras = glb_parts(file.read_bytes())[0]["asset"].get("extras", {})
    return extras if "digital_source_type" in extras else None


def glb_parts(whole: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON of a GLB, and what follows it. glTF 2.0, section 4.4."""
    magic, _, _, size, kind = struct.unpack_from("<4sIII4s", whole)
    if magic != b"glTF" or kind != b"JSON":
        raise ValueError("no GLB")
    return json.loads(whole[20 : 20 + size]), whole[20 + size :]


def to_sidecar(files: Sequence[Path], claim: dict[str, Any]) -> None:
    """A line for each file, in the place of one that told of a file of the same name."""
    sidecar = files[0].with_name(SIDECAR)
    names = {file.name for file in files}
    kept = [line for line in lines_of(sidecar) if line["file"] not in names]
    new = [{"file": file.name, "sha256": sha256(file), **claim} for file in files]
    sidecar.write_text("".join(json.dumps(line) + "\n" for line in kept + new), encoding="utf-8")


def from_sidecar(file: Path) -> dict[str, Any] | None:
    """What provenance.jsonl beside a file says of what the file holds."""
    told = next((line for line in lines_of(file.with_name(SIDECAR)) if line["sha256"] == sha256(file)), {})
    return {name: value for name, value in told.items() if name not in ("file", "sha256")} or None


def lines_of(sidecar: Path) -> list[dict[str, Any]]:
    try:
        lines = sidecar.read_text(encoding="utf-8").splitlines() if sidecar.is_file() else []
        return [{"file": "", "sha256": ""} | json.loads(line) for line in lines]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{sidecar} is broken ({error}): remove it") from error


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


Writer = Callable[[Path, dict[str, Any]], None]
Reader = Callable[[Path], dict[str, Any] | None]
FORMATS: dict[str, tuple[Writer, Reader]] = {
    ".png": (to_png, from_png),
    ".gif": (to_gif, from_gif),
    ".mp4": (to_mp4, from_mp4),
    ".wav": (to_wav, from_wav),
    ".glb": (to_glb, from_glb),
}
