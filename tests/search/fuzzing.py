"""How much is tried of what people may type, the same each time."""

from hypothesis import HealthCheck, settings

__all__ = ["FUZZED"]

FUZZED = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
