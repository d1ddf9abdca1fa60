"""The one typed API of the site; every room brings its router. Its schema: /api/openapi.json."""

from ninja import NinjaAPI

from courses.archive.cmi5.endpoints import router as cmi5
from courses.archive.endpoints import router as archive
from media_pipeline.endpoints import router as media
from search.endpoints import router as search

api = NinjaAPI(title="网上党校", version="1", docs_url=None, urls_namespace="api")
api.add_router("/media", media)
api.add_router("/archive", archive)
api.add_router("/cmi5", cmi5)
api.add_router("/search", search)
