"""When will it be done: what a job costs (costs), how the queue goes on (queueing), asked of the real rows (forecasts).

    from media_pipeline import eta
    eta.forecast()[asset.pk].eta_s      # seconds from now until READY, waiting included

`costs` and `queueing` are pure: values in, values out.
"""

from media_pipeline.eta.costs import Rates, Sample, Task, memory_mb, sort, work
from media_pipeline.eta.forecasts import Forecast, estimated, forecast
from media_pipeline.eta.queueing import Item, Plan, simulate

__all__ = [
    "Forecast",
    "Item",
    "Plan",
    "Rates",
    "Sample",
    "Task",
    "estimated",
    "forecast",
    "memory_mb",
    "simulate",
    "sort",
    "work",
]
