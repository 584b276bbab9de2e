"""Imports from Azure's blob store.

Its requests are signed with a shared key, which is a hash of a few lines of text, or bring a signature
of their own (SAS); so no library is needed, and the guard and limits of every import hold.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import quote, urlsplit

from oddline_workers.imports.fields import Fields
from oddline_workers.imports.target import Target
from oddline_workers.settings import Settings

__all__ = ["check", "shown", "signed", "target"]

VERSION = "2021-08-06"
LONGEST = 4_000
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_SUFFIX = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_CONTAINER = r"\$root|\$web|[a-z0-9](-?[a-z0-9]){2,62}"


def check(fields: Fields) -> dict[str, str]:
    """What the request says: ``connectionString``, ``container``, ``blob``."""
    source = {
        "connectionString": fields.text("connectionString", "that of a storage account", longest=LONGEST),
        "container": fields.text("container", "the name of a container, such as data", pattern=_CONTAINER),
        "blob": fields.path("blob", "the path of a blob in it").lstrip("/"),
    }
    if source["connectionString"] and (wrong := _wrong(_parts(source["connectionString"]))):
        fields.refuse("connectionString", wrong)
    return source


def shown(source: Mapping[str, str]) -> dict[str, str]:
    """Container and blob; of the connection only that there is one."""
    return {"connectionString": "redacted", "container": source["container"], "blob": source["blob"]}


def target(source: Mapping[str, str], settings: Settings) -> Target:
    """The signed request."""
    parts = _parts(source["connectionString"])
    path = f"{quote(source['container'], safe='$')}/{quote(source['blob'], safe='/~')}"
    url = f"{_endpoint(parts)}/{path}"
    if signature := parts.get("sharedaccesssignature"):
        return Target(f"{url}?{signature.lstrip('?')}", {"x-ms-version": VERSION})
    date = formatdate(usegmt=True)
    return Target(url, signed(url, parts["accountname"], parts["accountkey"], date))


def signed(url: str, account: str, key: str, date: str) -> dict[str, str]:
    """The headers of a GET of ``url``, signed with the account's key.

    Parameters
    ----------
    url : str
        Without a query.
    account, key : str
        The key as it is shown, in base 64.
    date : str
        As ``Fri, 27 Nov 2026 01:02:03 GMT``.
    """
    headers = {"x-ms-date": date, "x-ms-version": VERSION}
    # The verb, then eleven standard headers, none of which is sent.
    lines = ["GET", *[""] * 11, *(f"{name}:{value}" for name, value in headers.items())]
    text = "\n".join([*lines, f"/{account}{urlsplit(url).path}"])
    digest = hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)
    return {**headers, "Authorization": f"SharedKey {account}:{base64.b64encode(digest).decode()}"}


def _parts(connection: str) -> dict[str, str]:
    """The parts of a connection string, ``Name=value;…``, by names in lower case."""
    pairs = (part.partition("=") for part in connection.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _endpoint(parts: Mapping[str, str]) -> str:
    if named := parts.get("blobendpoint"):
        return named.rstrip("/")
    scheme, suffix = (
        parts.get("defaultendpointsprotocol", "https"),
        parts.get("endpointsuffix", "core.windows.net"),
    )
    return f"{scheme}://{parts['accountname']}.blob.{suffix}"


def _wrong(parts: Mapping[str, str]) -> str:
    """What is wrong with a connection string, without a word of it; "" where nothing is."""
    if "usedevelopmentstorage" in parts:
        return "A development storage cannot be reached from here."
    signature = parts.get("sharedaccesssignature")
    if not signature and not _ACCOUNT.fullmatch(parts.get("accountname", "")):
        return "It has no AccountName of 3 to 24 small letters and digits."
    if not signature:
        try:
            if not base64.b64decode(parts.get("accountkey", ""), validate=True):
                return "It has neither an AccountKey nor a SharedAccessSignature."
        except (binascii.Error, ValueError):
            return "Its AccountKey is not in base 64."
    elif re.search(r"[^\x21-\x7e]|#", signature):
        return "Its SharedAccessSignature has characters that no address can have."
    if named := parts.get("blobendpoint"):
        return (
            "" if re.fullmatch(r"https?://[^?#\s]+", named, re.ASCII) else "Its BlobEndpoint is no address."
        )
    if not _ACCOUNT.fullmatch(parts.get("accountname", "")):
        return "It has neither a BlobEndpoint nor an AccountName."
    if parts.get("defaultendpointsprotocol", "https") not in ("http", "https"):
        return "Its DefaultEndpointsProtocol is neither http nor https."
    suffix = parts.get("endpointsuffix", "core.windows.net")
    return "" if _SUFFIX.fullmatch(suffix) else "Its EndpointSuffix is no end of a host's name."
