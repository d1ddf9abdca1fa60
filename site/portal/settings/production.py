"""Settings of a real installation: `ESCHOOL_MODE=production` and secrets from the environment."""

from portal.settings.base import *  # noqa: F403
from portal.settings.environment import ALLOWED_HOSTS, BASE_URL, MissingSetting

if not ALLOWED_HOSTS:
    raise MissingSetting("生产模式缺少 ALLOWED_HOSTS: 请写入本站域名, 例如 ALLOWED_HOSTS=dangxiao.example.cn")

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
CSRF_TRUSTED_ORIGINS = [BASE_URL]
