"""``oddline submit``, ``result`` and ``jobs``: the commands that talk to a service."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from oddline.errors import JobError, OddlineError, ParameterError
from oddline_api.cli.options import detection_options, given
from oddline_api.cli.output import OutputFile, bar, format_options, opened, print_csv, print_json, print_table
from oddline_api.cli.report import print_result
from oddline_workers.plaintext import plain

if TYPE_CHECKING:
    from oddline_api.client import Client

__all__ = ["jobs", "result", "submit"]

READABLE = click.Path(exists=True, dir_okay=False)
OVER = ("done", "error", "cancelled")
TOO_LATE = {"done": "is already done", "error": "has already failed"}


@click.command()
@click.argument("file", type=READABLE)
@detection_options
@click.option("--wait", "wait", is_flag=True, help="Wait for the end and print the result as `result` does.")
@format_options
def submit(file: str, wait: bool, form: str | None, **parameters: Any) -> None:
    """Send FILE to a service as a job and print the job's id."""
    with _client() as client:
        job = client.submit(file, **given(parameters))
        if wait:
            _print_result(client, job["id"], form, None)
        elif form:
            _print_job(job, form)
        else:
            click.echo(plain(str(job["id"])))


@click.command()
@click.argument("job_id")
@click.option("-o", "--output", type=OutputFile(), help="Write to this file instead of stdout.")
@click.option("--no-wait", is_flag=True, help="Do not wait for a job that is not over yet.")
@format_options
def result(job_id: str, output: str | None, no_wait: bool, form: str | None) -> None:
    """Wait for a job and print its result: the anomalies, or with --csv every row.

    With --no-wait a job that is not over yet is described instead, and the exit code is 5.
    """
    with _client() as client:
        if no_wait:
            job = client.job(job_id)
            if job["status"] not in OVER:
                _print_job(job, form)
                sys.exit(5)
        _print_result(client, job_id, form, output)


@click.command()
@click.argument("job_id", required=False)
@click.option("--cancel", metavar="JOB_ID", help="Cancel this job.")
@click.option("--retry", metavar="JOB_ID", help="Do this failed job again, as a new one.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--status", metavar="STATUS", help="Only jobs in this state.")
@format_options
def jobs(
    job_id: str | None,
    cancel: str | None,
    retry: str | None,
    limit: int,
    status: str | None,
    form: str | None,
) -> None:
    """List your jobs on a service, newest first; with JOB_ID show that one.

    A job that is done or has failed cannot be cancelled, and one that has not failed cannot be done
    again: exit code 4.
    """
    with _client() as client:
        if cancel:
            job = client.cancel(cancel)
            if job["status"] in TOO_LATE:
                raise JobError(f"Job {cancel} {TOO_LATE[job['status']]}.", code="job_over", status=409)
            _print_job(job, form)
        elif retry:
            _print_job(client.retry(retry), form)
        elif job_id:
            _print_job(client.job(job_id), form)
        else:
            _print_jobs(client.jobs(limit=limit, status=status)["jobs"], form)


def _client() -> Client:
    url = os.environ.get("ODDLINE_URL") or "http://127.0.0.1:8080"
    client_id, secret = os.environ.get("ODDLINE_CLIENT_ID", ""), os.environ.get("ODDLINE_CLIENT_SECRET", "")
    if not client_id or not secret:
        raise click.UsageError(
            "Set ODDLINE_CLIENT_ID and ODDLINE_CLIENT_SECRET to your client's id and secret "
            "(`oddline credentials create` makes both), and ODDLINE_URL if the service is elsewhere."
        )
    from oddline_api.client import Client

    try:
        return Client(url, client_id, secret, ca_file=os.environ.get("ODDLINE_CA_FILE"))
    except ParameterError as error:
        if error.where.get("parameter") == "ca_file":
            raise click.UsageError(f"ODDLINE_CA_FILE: {error.message}") from error
        raise click.UsageError(f"ODDLINE_URL is {url!r}; expected http://host:port.") from error


def _print_job(job: dict[str, Any], form: str | None) -> None:
    if form == "json":
        print_json(job)
    else:
        _print_jobs([job], form)


def _print_jobs(found: list[dict[str, Any]], form: str | None) -> None:
    header = ("id", "status", "progress", "filename", "submitted", "done")
    rows = [
        (
            job["id"],
            job["status"],
            f"{job['progress']['fraction']:.0%}",
            job["filename"],
            job["timeline"]["submitted"] or "",
            job["timeline"]["done"] or "",
        )
        for job in found
    ]
    if form == "json":
        print_json(found)
    elif form == "csv":
        print_csv(header, rows)
    elif rows:
        print_table(header, rows)
    else:
        click.echo("No jobs.")


def _print_result(client: Client, job_id: str, form: str | None, output: str | None) -> None:
    job = client.wait(job_id, bar)
    bar(1.0, job["status"], last=True)
    if job["status"] != "done":
        told = job.get("error") or {}
        raise OddlineError(
            "The job was cancelled."
            if job["status"] == "cancelled"
            else f"The job failed: {told.get('error', 'no reason was given')}",
            status=500,
        )
    answer = client.result(job_id)
    with opened(output) as file:
        print_result(answer, form, file)
