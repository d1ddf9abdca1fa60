"""What becomes of a source: kind of lecture, sizes, quality, sound: from samples to a recipe."""

from media_pipeline.decide.recipes import Character, recipe

__all__ = ["Character", "recipe"]
