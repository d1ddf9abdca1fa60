"""What the tests of this room share."""

import pytest
from django.contrib.auth.models import Permission

from tests.factories import MemberFactory
from tests.media_pipeline.clips import Clips


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Clips:
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def own_root(settings, tmp_path):
    """A media folder of this test's own, empty."""
    chosen = {"ROOT": tmp_path / "media", "PRESET": "ultrafast", "ANALYSE": "off"}
    settings.MEDIA_PIPELINE = settings.MEDIA_PIPELINE | chosen
    return tmp_path / "media"


@pytest.fixture
def editor(db):
    member = MemberFactory(name="何静")
    member.user_permissions.add(Permission.objects.get(codename="add_asset"))
    return member
