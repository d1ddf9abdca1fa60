"""Exemptions from the study requirement (Art. 23): given and ended by organisers, with a reason that stays closed."""
