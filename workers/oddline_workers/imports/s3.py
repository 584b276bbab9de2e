"""Imports from an object store that speaks S3.

The request is signed here, by botocore, and made like any other to an address that a client names: so
it has the same guard and the same limits, and nothing of the machine's own credentials or settings for
such stores is ever looked at. Without a key it goes unsigned, as to a public bucket, and needs no botocore.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from oddline.errors import ParameterError, RunError
from oddline_workers.imports.fields import Fields
from oddline_workers.imports.target import Target
from oddline_workers.settings import Settings

__all__ = ["check", "shown", "target"]

REGION = "us-east-1"
_BUCKET = r"[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]"
_REGION = r"[a-z]{2,4}(-[a-z]{2,20}){1,3}-[0-9]{1,2}"
_KEY = r"[\x21-\x7e]+"
_RESERVED = ("admin", "minio")
"""What stores of one's own keep for their administration, where buckets are."""


def check(fields: Fields) -> dict[str, str]:
    """What the request says: ``bucket``, ``path``, ``region``.

    And ``accessKeyId`` and ``secretAccessKey``, or none of the two.
    """
    source = {
        "bucket": fields.text("bucket", "the name of a bucket, such as my-data", pattern=_BUCKET),
        "path": fields.path("path", "the path of an object in it").lstrip("/"),
        "region": fields.text("region", f"a region, such as {REGION}", needed=False, pattern=_REGION)
        or REGION,
    }
    keys = {
        name: fields.text(name, "a key", needed=False, pattern=_KEY)
        for name in ("accessKeyId", "secretAccessKey")
    }
    for name, other in (("accessKeyId", "secretAccessKey"), ("secretAccessKey", "accessKeyId")):
        if name in fields and other not in fields:
            fields.refuse(other, f"It is missing; {name} goes with it.")
    return source | {name: key for name, key in keys.items() if key}


def shown(source: Mapping[str, str]) -> dict[str, str]:
    """Everything but the keys."""
    return {name: source[name] for name in ("bucket", "path", "region")}


def target(source: Mapping[str, str], settings: Settings) -> Target:
    """The signed request.

    Raises
    ------
    ParameterError
        The bucket is one that the store keeps for itself.
    RunError
        ``not_configured``: there is a key to sign with, and no botocore, or half a key in the settings.
    """
    bucket, region, path = source["bucket"], source["region"], quote(source["path"], safe="/~")
    if settings.s3_endpoint:
        if bucket in _RESERVED:
            raise ParameterError(f"The bucket {bucket!r} is none for data.", parameter="bucket")
        url = f"{settings.s3_endpoint.rstrip('/')}/{bucket}/{path}"
    else:
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        # A certificate for all buckets fits names without a dot only.
        place = f"s3.{region}.{suffix}/{bucket}" if "." in bucket else f"{bucket}.s3.{region}.{suffix}"
        url = f"https://{place}/{path}"
    keys = _keys(source, settings)
    return Target(url, _signed(url, region, *keys) if keys else {}, own=settings.s3_endpoint)


def _keys(source: Mapping[str, str], settings: Settings) -> tuple[str, str] | None:
    """Key and secret: the request's, or those of the settings, or none."""
    if "accessKeyId" in source:
        return source["accessKeyId"], source["secretAccessKey"]
    if not settings.s3_access_key_id and not settings.s3_secret_access_key_file:
        return None
    try:
        secret = Path(settings.s3_secret_access_key_file or "/nowhere").read_text().strip()
    except (OSError, UnicodeError):
        secret = ""
    if not settings.s3_access_key_id or not secret:
        raise RunError(
            "The key of the service for S3 is not complete. Name one with the import; who runs the service "
            "sets ODDLINE_S3_ACCESS_KEY_ID, and ODDLINE_S3_SECRET_ACCESS_KEY_FILE that its workers can read.",
            code="not_configured",
            status=501,
        )
    return settings.s3_access_key_id, secret


def _signed(url: str, region: str, key: str, secret: str) -> dict[str, str]:
    try:
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
    except ImportError:
        raise RunError(
            "Imports from S3 with a key are not configured here: botocore is missing. Who runs the service "
            "installs oddline[s3]; a public bucket needs no key.",
            code="not_configured",
            status=501,
        ) from None
    request = AWSRequest("GET", url)
    S3SigV4Auth(Credentials(key, secret), "s3", region).add_auth(request)
    return dict(request.headers.items())
