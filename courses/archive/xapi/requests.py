"""What a request to the LRS says: version, parameters, headers, body. Reads them strictly, answers nothing.

Also the alternate request syntax of 1.0.3 (Communication 1.3), which 2.0 does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError

from courses.archive.xapi import references, strict_json, validation, values
from courses.archive.xapi.attachments import content_type_of
from courses.archive.xapi.errors import BadRequest, BodyTooLarge

__all__ = ["VERSION_HEADER", "Asked", "read"]

VERSION_HEADER = "X-Experience-API-Version"
FORM = "application/x-www-form-urlencoded"
HEARD_OUT = 10
"""Bodies up to so many times the limit are read to their end before they are refused."""
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


def read(request: HttpRequest) -> Asked:
    """What the request says. Raises BadRequest, BodyTooLarge."""
    method, params = request.method or "GET", _params(request.META.get("QUERY_STRING", ""))
    headers = {name.lower(): value for name, value in request.headers.items()}
    if (
        method == "POST"
        and "method" in params
        and not headers.get("x-experience-api-version", "").startswith("2")
    ):
        return _alternate(request, params, headers)
    body = b"" if method in ("GET", "HEAD") else _body(request)
    return Asked(method, _version(headers), params, headers, body)


def _alternate(request: HttpRequest, params: dict[str, str], headers: dict[str, str]) -> Asked:
    method = params.pop("method")
    if method not in ("GET", "PUT", "POST", "DELETE", "HEAD"):
        raise BadRequest("the parameter method must be GET, PUT, POST or DELETE")
    if params:
        raise BadRequest("in the alternate request syntax all parameters but method are in the form")
    if content_type_of(headers.get("content-type", "")) != FORM:
        raise BadRequest(f"the alternate request syntax needs a body of type {FORM}")
    form = _params(_body(request).decode("ascii", "replace"))
    headers = headers | {"content-type": "application/json"}
    for name in list(form):
        if name.lower() in FORM_HEADERS:
            headers[name.lower()] = form.pop(name)
    content = form.pop("content", None)
    if method in ("PUT", "POST") and content is None:
        raise BadRequest("the form lacks the parameter content")
    version = _version(headers)
    if version.startswith("2"):
        raise BadRequest("the alternate request syntax is not part of xAPI 2.0")
    return Asked(method, version, form, headers, (content or "").encode("utf-8", "surrogatepass"))


def _version(headers: dict[str, str]) -> str:
    said = headers.get("x-experience-api-version", "")
    if said == "1.0" or (said.startswith("1.0.") and said[4:].isdigit()):
        return "1.0.3"
    if said == "2.0" or (said.startswith("2.0.") and said[4:].isdigit()):
        return "2.0.0"
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


def _body(request: HttpRequest) -> bytes:
    limit = settings.LRS["MAX_BODY_BYTES"]
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as bad:
        raise BadRequest("the header Content-Length cannot be read") from bad
    try:
        if declared > limit:
            _hear_out(request, min(declared, HEARD_OUT * limit))
            raise BodyTooLarge(f"more than {limit} bytes")
        body = request.read(limit + 1)
    except (UnreadablePostError, OSError) as bad:
        raise BadRequest("the body cannot be read") from bad
    if len(body) > limit:
        raise BodyTooLarge(f"more than {limit} bytes")
    return body


def _hear_out(request: HttpRequest, length: int) -> None:
    """Read and drop a body that is not wanted: who is cut off while sending never sees the answer."""
    while length > 0 and (piece := request.read(min(length, 1 << 16))):
        length -= len(piece)
