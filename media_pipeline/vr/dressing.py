"""A panorama's media set gets its marks, and whole files that DeoVR and HereSphere play by byte ranges."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from media_pipeline import spherical
from media_pipeline.decide.spheres import progressive_rungs
from media_pipeline.graph.whole import whole_file_command
from media_pipeline.recipe import Recipe

__all__ = ["dress_set"]

WHOLE_FILES = "progressive"


def dress_set(
    encoded: Path, out: Path, made: Recipe, *, ffmpeg: str, must: Callable[[list[str]], object]
) -> list[dict[str, Any]]:
    """Mark every init segment below `out` and add `progressive/<rung>.mp4`; what was added is returned.

    `out` holds the packaged set, `encoded` the renditions it was cut from (nothing is encoded
    here: pictures and sound are copied into one file). `must` runs a command in `out` and raises
    when it fails. Each item: name, file, codec, width, height, size_bytes. A flat lecture gets
    nothing; an encrypted one gets marks only, because a whole file could not be encrypted.
    Raises errors.BoxesUnsound.
    """
    if made.projection == "FLAT":
        return []
    for rung in made.rungs:
        init = out / rung.name / "init.mp4"
        init.write_bytes(spherical.mark(init.read_bytes(), projection=made.projection, stereo=made.stereo))
    if made.protected:
        return []
    sound = encoded / f"{made.sounds[0].name}.mp4" if made.sounds else None
    (out / WHOLE_FILES).mkdir()
    found = []
    for rung in progressive_rungs(made.rungs):
        file = f"{WHOLE_FILES}/{rung.name}.mp4"
        plain = f"{WHOLE_FILES}/{rung.name}.plain.mp4"
        picture = encoded / f"{rung.name}.mp4"
        must(whole_file_command(ffmpeg, picture, sound, target=plain, codec=rung.codec))
        spherical.mark_file(out / plain, out / file, projection=made.projection, stereo=made.stereo)
        (out / plain).unlink()
        found.append(
            {
                "name": rung.name,
                "file": file,
                "codec": rung.codec,
                "width": rung.width,
                "height": rung.height,
                "size_bytes": (out / file).stat().st_size,
            }
        )
    return found
