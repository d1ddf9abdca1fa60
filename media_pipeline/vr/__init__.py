"""What a panorama needs beyond a flat lecture: marks in every file, whole files for headset players, views for weak phones."""

from media_pipeline.vr.dressing import dress_set

__all__ = ["dress_set"]
