"""A client of a service, in its own dialect (``/api/v1``) and, for the demo, in IBM's form."""

from __future__ import annotations

import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx

from oddline.errors import LimitError, OddlineError, ParameterError, RunError

__all__ = ["Client", "IbmClient"]

OVER = frozenset({"done", "error", "cancelled"})
TRIES = 4
"""How often a submission is sent before the caller is told that the service is away or full."""
IBM_BASE = "/ai4industry/run"


class _Caller:
    """Requests with the credentials on them; every failure becomes an :class:`OddlineError`.

    Parameters
    ----------
    url, client_id, secret : str
    timeout : float
        Seconds without a byte.
    ca_file : str, optional
        The CA of a gateway at ``https://``; without it, those that browsers trust.

    Raises
    ------
    ParameterError
        ``url`` is not of the form ``http://host:port``, or ``ca_file`` holds no certificate.
    """

    def __init__(
        self, url: str, client_id: str, secret: str, *, timeout: float = 60.0, ca_file: str | None = None
    ) -> None:
        self.url = _service_url(url)
        self._http = httpx.Client(
            base_url=self.url,
            headers={
                "X-IBM-Client-Id": client_id,
                "X-IBM-Client-Secret": secret,
                "Accept": "application/json",
            },
            timeout=httpx.Timeout(timeout, connect=5.0),
            verify=_trusting(ca_file) if ca_file else True,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of an answer.

        Raises
        ------
        LimitError
            The service is away (503), full or the client too fast.
        OddlineError
            The service refused; ``status`` and ``code`` are its own.
        """
        with self.answer(method, path, **more) as response:
            response.read()
            try:
                return response.json()
            except ValueError as error:
                raise RunError(
                    f"{self.url} answered {method} {path} with something that is not JSON. Is it an Oddline?",
                    code="not_oddline",
                    status=503,
                ) from error

    @contextmanager
    def answer(self, method: str, path: str, **more: Any) -> Iterator[httpx.Response]:
        """The open answer of a request that went well, to be read in pieces."""
        try:
            with self._http.stream(method, path, **more) as response:
                if response.status_code >= 400:
                    response.read()
                    raise _refusal(response)
                yield response
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if why := _untrusted(error):
                raise LimitError(
                    f"{self.url} cannot be trusted: {why}. Set ODDLINE_CA_FILE to the CA of its certificate, "
                    "and ODDLINE_URL to the name on it.",
                    code="untrusted",
                    status=503,
                ) from error
            raise LimitError(
                f"No service answers at {self.url}. Start one with `oddline up`, or set ODDLINE_URL.",
                code="unreachable",
                status=503,
            ) from error
        except httpx.HTTPError as error:
            words = str(error) or type(error).__name__
            raise LimitError(
                f"The call to {self.url} broke off: {words}.", code="broken_off", status=503
            ) from error


class Client(_Caller):
    """The service's own dialect.

    Examples
    --------
    >>> with Client("http://127.0.0.1:8080", "an-id", "a-secret") as client:  # doctest: +SKIP
    ...     job = client.submit("series.csv", algorithm_type="WindowAD")
    ...     job = client.wait(job["id"])
    """

    def submit(self, path: str | Path, **parameters: Any) -> dict[str, Any]:
        """Send a file as a job, piece by piece; the job's description.

        Sent again where the line breaks or the service is busy, under one key: it makes one job.
        """

        def send(key: dict[str, str]) -> dict[str, Any]:
            with open(path, "rb") as file:
                form = _form(file, Path(path).name, "file", parameters)
                return self.call("POST", "/api/v1/jobs", headers=key, **form)

        return _until_taken(send)

    def job(self, job_id: str) -> dict[str, Any]:
        """One job as it is now."""
        return self.call("GET", f"/api/v1/jobs/{_id(job_id)}")

    def jobs(self, **query: Any) -> dict[str, Any]:
        """Your jobs, newest first (``limit``, ``offset``, ``status``)."""
        return self.call("GET", "/api/v1/jobs", params={k: v for k, v in query.items() if v is not None})

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job that waits or runs."""
        return self.call("DELETE", f"/api/v1/jobs/{_id(job_id)}")

    def retry(self, job_id: str) -> dict[str, Any]:
        """Do a failed job again, as a new one; its description. Sent again as :meth:`submit` is."""
        path = f"/api/v1/jobs/{_id(job_id)}/retry"
        return _until_taken(lambda key: self.call("POST", path, headers=key))

    def result(self, job_id: str) -> Any:
        """The result of a finished job: summary, anomalies and a row for each row of the file."""
        return self.call("GET", f"/api/v1/jobs/{_id(job_id)}/result")

    def wait(
        self,
        job_id: str,
        progress: Callable[[float, str], None] = lambda fraction, stage: None,
        *,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """The job once it is over, asked for at growing intervals of at most half a second.

        Raises
        ------
        LimitError
            ``timeout`` seconds have passed; the job goes on.
        """
        began, pause = time.monotonic(), 0.02
        while True:
            job = self.job(job_id)
            progress(float(job["progress"]["fraction"]), str(job["progress"]["stage"] or job["status"]))
            if job["status"] in OVER:
                return job
            if timeout is not None and time.monotonic() - began > timeout:
                raise LimitError(
                    f"Job {job_id} is still {job['status']} after {timeout:g} s; it goes on.",
                    code="still_running",
                    status=503,
                )
            time.sleep(pause)
            pause = min(0.5, pause * 1.5)


class IbmClient(_Caller):
    """The few calls of an IBM-form client: submit a batch job, ask for its result."""

    def submit(self, path: str | Path, kind: str = "univariate", **fields: Any) -> str:
        """Send a file in IBM's form; the job id."""
        with open(path, "rb") as file:
            form = _form(file, Path(path).name, "data_file", fields)
            answer = self.call("POST", f"{IBM_BASE}/anomaly-detection/timeseries/{kind}/batch", **form)
        return str(answer["jobId"])

    def result(self, job_id: str) -> dict[str, Any]:
        """What ``GET /result/<id>`` says now."""
        return self.call("GET", f"{IBM_BASE}/result/{_id(job_id)}")


def _until_taken(send: Callable[[dict[str, str]], dict[str, Any]]) -> dict[str, Any]:
    """What a submission is answered, sent up to ``TRIES`` times with the same headers."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    for _ in range(TRIES - 1):
        try:
            return send(key)
        except OddlineError as error:
            if error.status != 503 or error.code in ("unreachable", "untrusted"):
                raise
            time.sleep(min(error.retry_after or 0.5, 5.0))
    return send(key)


def _service_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        good = False
    if not good:
        raise ParameterError(
            f"{url!r} is not the URL of a service; expected http://host:port.", parameter="url"
        )
    return url.rstrip("/")


def _trusting(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # SSLError is one
        raise ParameterError(
            f"{ca_file!r} cannot be used as a CA: {error.strerror or error}. Expected PEM certificates.",
            parameter="ca_file",
        ) from error


def _untrusted(error: BaseException | None) -> str:
    """Why the certificate of the other side was refused; empty where that was not the matter."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error.verify_message.rstrip(".") if error else ""


def _form(file: BinaryIO, filename: str, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    texts = {key: _text(value) for key, value in fields.items() if value is not None}
    return {"files": {name: (filename, file, "application/octet-stream")}, "data": texts}


def _text(value: Any) -> str:
    import json

    return json.dumps(value) if isinstance(value, list | tuple) else str(value)


def _id(job_id: str) -> str:
    from urllib.parse import quote

    return quote(job_id, safe="")


def _refusal(response: httpx.Response) -> OddlineError:
    """The error that an answer describes, whichever door it came through."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    words = body.get("detail") or body.get("error") or body.get("moreInformation") or response.reason_phrase
    after = response.headers.get("retry-after", "")
    return OddlineError(
        str(words),
        code=str(body.get("code") or "refused"),
        status=response.status_code,
        retry_after=float(after) if after.isdigit() else None,
    )
