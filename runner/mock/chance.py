"""Repeatable chance: the same seed and arguments give the same number."""

from hashlib import blake2b, sha256


def chance(seed: int, *things: str | int) -> float:
    """A number in [0, 1) that depends on the arguments only, on every machine."""
    text = "\x1f".join(map(str, (seed, *things)))
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest()) / 2**48


def prompt_digest(text: str) -> str:
    """The first 16 hex digits of the SHA-256 of a prompt, which may contain lone surrogates."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
