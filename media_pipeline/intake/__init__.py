"""Bytes on their way in: the tus protocol and the files below `incoming/`."""
