"""How two other systems call ffmpeg, argument for argument (read in their source, see shared media notes §2).

MediaCMS at 90b9fad (files/helpers.py): one process and one full decode a rendition, sound in each,
then everything is copied once more into HLS. PeerTube (packages/ffmpeg/src): the largest rendition
first, the others one after the other from that one, HLS as one file a rendition. Both make the
sizes that we compare on; MediaCMS's 144p is left out.
"""

from __future__ import annotations

from pathlib import Path

HEIGHTS = (1080, 720, 480, 360, 240)
_MEDIACMS_KBPS = {1080: 4500, 720: 2500, 480: 1000, 360: 500, 240: 300}
_PEERTUBE_BPP = {1080: 0.10, 720: 0.11, 480: 0.12, 360: 0.15, 240: 0.17}


def mediacms(ffmpeg: str, source: Path, heights: tuple[int, ...], *, crf: int = 23) -> list[list[str]]:
    """One command a rendition; `m<height>.mp4` in the working folder. Really it is always CRF 23."""
    commands = []
    for height in heights:
        width, rate = round(height * 16 / 9 / 2) * 2, _MEDIACMS_KBPS[height] * 3 // 2
        scale = (
            f"scale=if(lt(iw\\,ih)\\,{height}\\,{width}):if(lt(iw\\,ih)\\,{width}\\,{height})"
            ":force_original_aspect_ratio=decrease:force_divisible_by=2:flags=lanczos,fps=fps=25"
        )
        commands.append([
            ffmpeg, "-y", "-i", str(source), "-c:v", "libx264", "-filter:v", scale, "-pix_fmt", "yuv420p",
            "-crf", str(crf), "-c:a", "aac", "-b:a", "128k", "-ac", "2",
            "-maxrate", f"{rate}k", "-bufsize", f"{rate}k", "-force_key_frames", "expr:gte(t,n_forced*4)",
            "-x264-params", "keyint=200:keyint_min=100", "-preset", "medium", "-profile:v", "main",
            "-level", "4.2", "-strict", "-2", f"m{height}.mp4",
        ])  # fmt: skip
    return commands


def mediacms_hls(ffmpeg: str, heights: tuple[int, ...]) -> list[list[str]]:
    """The second copy that MediaCMS makes with Bento4's mp4hls (not to be had as a package): here by ffmpeg's muxer."""
    return [
        [ffmpeg, "-y", "-i", f"m{height}.mp4", "-c", "copy", "-f", "hls", "-hls_time", "4", "-hls_list_size", "0",
         "-hls_playlist_type", "vod", "-hls_segment_filename", f"h{height}-%d.ts", f"h{height}.m3u8"]
        for height in heights
    ]  # fmt: skip


def peertube(ffmpeg: str, source: Path, heights: tuple[int, ...], *, fps: int = 25) -> list[list[str]]:
    """The commands in their order; `p<height>.mp4` (one file of segments) in the working folder."""
    commands = []
    for number, height in enumerate(heights):
        width = round(height * 16 / 9 / 2) * 2
        bits = round(width * height * fps * _PEERTUBE_BPP[height])
        commands.append([
            ffmpeg, "-y", "-i", str(source) if number == 0 else f"p{heights[0]}-frag.mp4",
            "-movflags", "faststart", "-max_muxing_queue_size", "1024", "-map_metadata", "-1",
            "-pix_fmt", "yuv420p", "-c:v", "libx264", "-vf", f"scale=w=-2:h={height}", "-preset", "veryfast",
            "-maxrate:v", str(bits), "-bufsize:v", str(2 * bits), "-b_strategy", "1", "-bf", "16",
            "-r", str(fps), "-g:v", str(2 * fps), "-c:a", "aac", "-channel_layout", "stereo",
            "-hls_time", "4", "-hls_list_size", "0", "-hls_playlist_type", "vod",
            "-hls_segment_filename", f"p{height}-frag.mp4", "-hls_segment_type", "fmp4",
            "-f", "hls", "-hls_flags", "single_file", f"p{height}.m3u8",
        ])  # fmt: skip
    return commands
