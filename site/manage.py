#!/usr/bin/env python3
"""Django's command line; `./run manage …` calls it with the right environment."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")
    from django.core.management import execute_from_command_line

    from portal.settings.environment import MissingSetting

    try:
        execute_from_command_line(sys.argv)
    except MissingSetting as reason:
        sys.exit(f"\n{reason}")
