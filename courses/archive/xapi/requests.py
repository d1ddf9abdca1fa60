"""What a request to the LRS says: version, parameters, headers, body. Reads them strictly, answers nothing.

Also the alternate request syntax of 1.0.3 (Communication 1.3), which 2.0 does not have.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError

from courses.archive.xapi import references, strict_json, validation, values
from courses.archive.xapi.attachments import content_type_of
from courses.archive.xapi.clients import Credential
from courses.archive.xapi.errors import BadRequest, BodyTooLarge
from media_pipeline.intake.patience import PatientStream

__all__ = ["VERSION_HEADER", "Asked", "hear_out", "read"]

VERSION_HEADER = "X-Experience-API-Version"
FORM = "application/x-www-form-urlencoded"
HEARD_OUT = 4 * 1024**2
"""Bytes of a refused body that are read all the same, so that its sender hears why."""
PATIENCE_S = 5.0
PIECE = 1024**2
STRANGERS_FORM = 1024**2
"""Bytes of a form whose sender is known only when it was read."""
_VERSION = re.compile(r"([12])\.0(?:\.[0-9]{1,9})?")
FORM_HEADERS = {
    "authorization",
    "x-experience-api-version",
    "content-type",
    "content-length",
    "if-match",
    "if-none-match",
    "accept",
    "accept-language",
}
"""Form parameters that stand for headers (Communication 1.3), in lower case."""


@dataclass(frozen=True)
class Asked:
    """One request. `version` is the patch version by which it is answered."""

    method: str
    version: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def v2(self) -> bool:
        return self.version.startswith("2")

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    def only(self, *names: str) -> None:
        """Raises BadRequest when there is a parameter that is not among `names`; their case counts."""
        for name in self.params:
            if name not in names:
                raise BadRequest(f"the parameter {name!r} is not known here")

    def need(self, name: str) -> str:
        if name not in self.params:
            raise BadRequest(f"the parameter {name} is missing")
        return self.params[name]

    def text(self, name: str) -> str:
        """A required text that can be kept in a database."""
        value = self.need(name)
        if "\0" in value:
            raise BadRequest(f"the parameter {name} holds a NUL character")
        return value

    def uuid(self, name: str) -> UUID | None:
        if name not in self.params:
            return None
        found = values.parse_uuid(self.params[name])
        if found is None:
            raise BadRequest(f"the parameter {name} must be a UUID")
        return found

    def iri(self, name: str) -> str:
        value = self.text(name)
        if not values.is_iri(value):
            raise BadRequest(f"the parameter {name} must be an IRI with a scheme")
        return value

    def key(self, name: str) -> UUID | None:
        return references.key(self.iri(name)) if name in self.params else None

    def moment(self, name: str) -> Any:
        if name not in self.params:
            return None
        # A plus sign that was not escaped arrives as a space.
        found = values.moment(self.params[name]) or values.moment(self.params[name].replace(" ", "+"))
        if found is None:
            raise BadRequest(f"the parameter {name} must be a time of ISO 8601")
        return found

    def flag(self, name: str) -> bool:
        value = self.params.get(name, "false")
        if value not in ("true", "false"):
            raise BadRequest(f"the parameter {name} must be true or false")
        return value == "true"

    def number(self, name: str) -> int:
        value = self.params.get(name, "0")
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise BadRequest(f"the parameter {name} must be a whole number, 0 or more")
        return int(value)

    def agent(self, name: str) -> dict[str, Any]:
        value = strict_json.loads(
            self.need(name).encode("utf-8", "surrogatepass"), what=f"the parameter {name}"
        )
        validation.check_agent(value, name)
        return value


def read(request: HttpRequest, authenticate: Callable[[str], Credential]) -> tuple[Asked, Credential]:
    """What the request says, and who asks: nobody's body is read before she is known.

    In the alternate syntax the credential may stand in the form, which may then be small only.
    Raises what `authenticate` (of an Authorization header) raises; BadRequest, BodyTooLarge.
    """
    method, params = request.method or "GET", _params(request.META.get("QUERY_STRING", ""))
    headers = {name.lower(): value for name, value in request.headers.items()}
    if (
        method == "POST"
        and "method" in params
        and not headers.get("x-experience-api-version", "").startswith("2")
    ):
        return _alternate(request, params, headers, authenticate)
    version = _version(headers)
    by = authenticate(headers.get("authorization", ""))
    body = b"" if method in ("GET", "HEAD") else _body(request, settings.LRS["MAX_BODY_BYTES"])
    return Asked(method, version, params, headers, body), by


def _alternate(
    request: HttpRequest,
    params: dict[str, str],
    headers: dict[str, str],
    authenticate: Callable[[str], Credential],
) -> tuple[Asked, Credential]:
    method = params.pop("method")
    if method not in ("GET", "PUT", "POST", "DELETE", "HEAD"):
        raise BadRequest("the parameter method must be GET, PUT, POST or DELETE")
    if params:
        raise BadRequest("in the alternate request syntax all parameters but method are in the form")
    if content_type_of(headers.get("content-type", "")) != FORM:
        raise BadRequest(f"the alternate request syntax needs a body of type {FORM}")
    most = settings.LRS["MAX_BODY_BYTES"]
    by = authenticate(headers["authorization"]) if "authorization" in headers else None
    form = _params(
        _body(request, min(most, STRANGERS_FORM) if by is None else most).decode("ascii", "replace")
    )
    headers = headers | {"content-type": "application/json"}
    for name in list(form):
        if name.lower() in FORM_HEADERS:
            said = form.pop(name)
            if name.lower() != "authorization" or by is None:
                headers[name.lower()] = said
    content = form.pop("content", None)
    if method in ("PUT", "POST") and content is None:
        raise BadRequest("the form lacks the parameter content")
    version = _version(headers)
    if version.startswith("2"):
        raise BadRequest("the alternate request syntax is not part of xAPI 2.0")
    by = by or authenticate(headers.get("authorization", ""))
    return Asked(method, version, form, headers, (content or "").encode("utf-8", "surrogatepass")), by


def _version(headers: dict[str, str]) -> str:
    said = headers.get("x-experience-api-version", "")
    if (found := _VERSION.fullmatch(said)) is not None:
        return "1.0.3" if found[1] == "1" else "2.0.0"
    raise BadRequest(f"the header {VERSION_HEADER} must be 1.0.x or 2.0.x")


def _params(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError as bad:
        raise BadRequest("the parameters cannot be read") from bad
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("a parameter occurs twice")
    return found


def _body(request: HttpRequest, most: int) -> bytes:
    """The body, also one without a stated length (Transfer-Encoding: chunked), which Django reads as empty."""
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as bad:
        raise BadRequest("the header Content-Length cannot be read") from bad
    stream: Any = request
    if not declared and "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        stream = request.META["wsgi.input"]
    if declared > most:
        hear_out(request)
        raise BodyTooLarge(f"more than {most} bytes")
    pieces, left = [], most + 1
    try:
        while left > 0 and (piece := stream.read(min(left, PIECE))):
            pieces.append(piece)
            left -= len(piece)
    except (UnreadablePostError, OSError) as bad:
        raise BadRequest("the body cannot be read") from bad
    if left <= 0:
        raise BodyTooLarge(f"more than {most} bytes")
    return b"".join(pieces)


def hear_out(request: HttpRequest) -> None:
    """Read and drop the beginning of a body that is not wanted: who is cut off while sending never sees the
    answer. A little only, and not for long: whoever sends more than that sees a broken connection."""
    if request.META.get("CONTENT_LENGTH", "").strip("0") and not getattr(request, "_read_started", False):
        with PatientStream(request, patience_s=PATIENCE_S) as rest:
            rest.finish(most=HEARD_OUT)
