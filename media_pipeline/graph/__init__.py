"""Argument lists for ffmpeg, built with ffmpeg-python. Pure: paths and values in, words out."""

from media_pipeline.graph.encode import encode_command
from media_pipeline.graph.pictures import poster_command, scenes_command, storyboard_command

__all__ = ["encode_command", "poster_command", "scenes_command", "storyboard_command"]
