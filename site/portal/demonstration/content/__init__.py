"""What the demonstration says: texts of a county that does not exist, written for this project.

Rules of the Party that are named are real and described in our own words (shared/domain.md gives
sources and confidence). Persons, places, document numbers and documents of the county are invented.
"""
