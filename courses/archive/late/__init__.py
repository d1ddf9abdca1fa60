"""Late lines of a closed year: one organiser proposes, another one who may approves (README.md)."""
