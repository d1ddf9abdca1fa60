"""Lists of study hours that an organiser hands in as a file: read, entered and answered in the background."""
