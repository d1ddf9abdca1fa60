"""manage.py ingest_lecture FILE_OR_FOLDER…: lectures from disk, one line of JSON a file."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from media_pipeline import api
from media_pipeline.api.moving_in import MovedIn, files_below, move_in, outcome
from media_pipeline.models import Asset, Projection, Stereo

__all__ = ["Command"]


class Command(BaseCommand):
    help = (
        "Takes lecture files or folders from disk (moving in from an old portal). One line of JSON a file on "
        "stdout: file, asset, state, reason, folder, manifests {hls, dash}; progress on stderr. "
        "Exit code 0 when all are queued or, with --wait, ready."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
        parser.add_argument(
            "--wait", action="store_true", help="until all are ready or stopped; works here too"
        )
        parser.add_argument("--title", default="", help="of a single file; else its name")
        parser.add_argument(
            "--projection", choices=Projection.values, default="", help="else as the file says"
        )
        parser.add_argument("--stereo", choices=Stereo.values, default="", help="else as the file says")

    def handle(self, *args: Any, **options: Any) -> None:
        files = [file for path in options["paths"] for file in files_below(path)]
        if not files:
            raise CommandError("没有找到任何文件。")
        if options["title"] and len(files) > 1:
            raise CommandError("--title 只能用于单个文件。")
        with translation.override(settings.LANGUAGE_CODE):
            well = self._take_in(files, options)
        if not well:
            sys.exit(1)

    def _take_in(self, files: list[Path], options: dict[str, Any]) -> bool:
        chosen = {key: options[key] for key in ("title", "projection", "stereo")}
        came: list[tuple[Path, Asset | MovedIn]] = []
        well = True
        for number, file in enumerate(files, 1):
            self.stderr.write(f"[{number}/{len(files)}] {file}")
            made = move_in(file, **chosen)
            if options["wait"] and isinstance(made, Asset):
                came.append((file, made))
            else:
                well &= self._tell(file, made)
        for file, asset in came:
            well &= self._tell(file, self._worked_off(file, asset))
        return well

    def _worked_off(self, file: Path, asset: Asset | MovedIn) -> Asset | MovedIn:
        """Do here what no worker takes, until the asset is ready or stopped."""
        if isinstance(asset, MovedIn):
            return asset
        shown: set[str] = set()

        def told(status: api.AssetStatus) -> None:
            line = f"  {file.name}: {status.state_label} {status.progress:.0%} {status.message}"
            if line not in shown:
                shown.add(line)
                self.stderr.write(line)

        return api.work_off(asset, on_progress=told)

    def _tell(self, file: Path, made: Asset | MovedIn) -> bool:
        one = made if isinstance(made, MovedIn) else outcome(file, made)
        self.stdout.write(json.dumps(asdict(one), ensure_ascii=False))
        self.stdout.flush()
        return one.well
