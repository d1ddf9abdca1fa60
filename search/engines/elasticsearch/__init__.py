"""Elasticsearch as the engine: for more documents or more machines than the embedded one is for.

Fed with the same tokens and the same plans as tantivy, so that answers hardly differ. Only what the
server's core has: no plugin, no analysis beyond `whitespace`, no scripts, no delete-by-query, no
reindex; and the cluster's health instead of its root page.
"""

from search.engines.elasticsearch.cluster import Cluster
from search.engines.elasticsearch.engine import ElasticsearchEngine

__all__ = ["Cluster", "ElasticsearchEngine"]
