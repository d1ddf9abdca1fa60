"""Models of this Django app live in its two rooms; Django looks for them here."""

from courses.catalogue.attached.models import *  # noqa: F403
from courses.catalogue.models import *  # noqa: F403
from courses.quizzes.models import *  # noqa: F403
