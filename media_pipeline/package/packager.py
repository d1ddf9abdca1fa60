"""The packager's arguments: how renditions are cut into segments. Pure."""

from pathlib import Path

from media_pipeline.package.names import MANIFEST_DASH, MANIFEST_HLS
from media_pipeline.recipe import Recipe

__all__ = ["packager_command"]


def packager_command(program: str, encoded: Path, recipe: Recipe) -> list[str]:
    """Arguments that cut `encoded/<rung>.mp4` into segments below the working folder.

    The manifests it writes are drafts: `hls` and `dash` write ours from them.
    """
    streams = [
        f"in={encoded}/{rung.name}.mp4,stream=video,init_segment={rung.name}/init.mp4,"
        f"segment_template={rung.name}/$Number%05d$.m4s,playlist_name={rung.name}/main.m3u8,"
        f"iframe_playlist_name={rung.name}/iframe.m3u8"
        for rung in recipe.rungs
    ]
    for sound in recipe.sounds:
        name = sound.name
        streams.append(
            f"in={encoded}/{name}.mp4,stream=audio,init_segment={name}/init.mp4,"
            f"segment_template={name}/$Number%05d$.m4s,playlist_name={name}/main.m3u8,"
            f"hls_group_id=sound,hls_name={name}"
        )
    return [
        program,
        *streams,
        "--segment_duration", str(recipe.segment_s),
        "--hls_master_playlist_output", MANIFEST_HLS,
        "--hls_playlist_type", "VOD",
        "--mpd_output", MANIFEST_DASH,
        "--generate_static_live_mpd",
        "--use_fake_clock_for_muxer",
        "--single_threaded",  # same input, same bytes, down to the order in the manifests
    ]  # fmt: skip
