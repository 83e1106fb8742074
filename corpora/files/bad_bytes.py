"""What is wrong with bytes that are not text in UTF-8, and what to do about them."""

from __future__ import annotations

from w2v.corpora.inputs import STDIN, display_name, is_compressed

_COMPRESSED = (
    (b"\x1f\x8b", "gzip", ".gz"),
    (b"BZh", "bzip2", ".bz2"),
    (b"\xfd7zXZ\0", "xz", ".xz"),
    (b"\x28\xb5\x2f\xfd", "zstd", ".zst"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "it is a zip archive (as office documents are, too): unpack it or save it as plain text first"),
    (b"%PDF", "it is a PDF document: extract its text first"),
)


def describe_bad_byte(data: bytes, position: int, path: str, head: bytes, offset: int) -> str:
    """Return the error message for the byte at `position` of `data`, a piece of a file from byte `offset` on.

    `head` has the first bytes of the file.
    """
    name = display_name(path)
    place = f"byte offset {offset + position}" + (" of its decompressed text" if is_compressed(path) else "")
    reason = "a null byte, which text files never contain" if data[position] == 0 else "not valid UTF-8"
    first = max(0, position - 512)
    sample = data[first : position + 512]
    remedy = _remedy(path, head, sample, offset + first, is_null=data[position] == 0)
    return f"{name}: the byte 0x{data[position]:02X} at {place} is {reason}; {remedy}"


def _remedy(path: str, head: bytes, sample: bytes, offset: int, *, is_null: bool) -> str:
    """Return a remedy for a bad byte, judged by the start of the file and its context, which begins at `offset`."""
    has_name = path != STDIN and not path.startswith("/dev/")
    for signature, kind, suffix in _COMPRESSED:
        if head.startswith(signature):
            how = f"give it the suffix {suffix}" if has_name else f"decompress it on the way, with {kind} -dc"
            return f"it is compressed with {kind}: {how}"
    for signature, remedy in _SIGNATURES:
        if head.startswith(signature):
            return remedy
    if wide := _wide_encoding(sample, offset):
        return f"it looks like {wide[:6]}: convert it to UTF-8 first, for example: iconv -f {wide} -t UTF-8"
    n_control = sum(byte < 9 or 13 < byte < 32 or byte == 127 for byte in sample)
    if n_control > 1 and 25 * n_control > len(sample):
        return "the file looks binary; name a text file"
    replace = (
        'put a replacement character in its place with --errors replace (in Python: TextReader(..., errors="replace"))'
    )
    if is_null:
        return f"remove such bytes (for example: tr -d '\\000'), or {replace}"
    return f"convert the file to UTF-8 (for example: iconv -f WINDOWS-1252 -t UTF-8), remove the byte, or {replace}"


def _wide_encoding(sample: bytes, offset: int) -> str:
    """Return the encoding of text with two or four bytes a character, judged by its null bytes; "" for other data.

    The sample begins at byte `offset` of the file, which decides which bytes of a character are null.
    """
    places = [sample[(place - offset) % 4 :: 4] for place in range(4)]
    null = [bool(some) and not any(some) for some in places]
    n_null = [some.count(0) for some in places]
    if null[1] and null[2] and null[3] and not n_null[0]:
        return "UTF-32LE"
    if null[0] and null[1] and null[2] and not n_null[3]:
        return "UTF-32BE"
    if 4 * sum(n_null) <= len(sample):
        return ""
    if n_null[0] + n_null[2] == 0:
        return "UTF-16LE"
    return "UTF-16BE" if n_null[1] + n_null[3] == 0 else ""
