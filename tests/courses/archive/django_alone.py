"""portal.asgi without its short way: Django answers the beats, too, as behind any other web server."""

from portal import asgi


async def application(scope, receive, send) -> None:
    handle = asgi.application if scope["type"] == "lifespan" else asgi._django
    await handle(scope, receive, send)
