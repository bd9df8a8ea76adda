"""Find things by their names."""

from __future__ import annotations

COLOURS = ("red", "blue", "green", "white", "black")
THINGS = ("mug", "lamp", "chair", "desk", "clock", "vase", "plate", "shelf")
CATALOGUE = [
    f"{colour} {thing} {size}" for colour in COLOURS for thing in THINGS for size in range(100)
]


def search(text: str) -> list[str]:
    """Return what has the text in its name."""
    return [name for name in CATALOGUE if text.lower() in name]
