"""The ``oddline`` command: the group, the errors and the exit codes."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from oddline import __version__
from oddline.errors import DataError, JobError, LimitError, OddlineError, ParameterError
from oddline_api.cli.output import tell

__all__ = ["EXIT_CODES", "cli", "main"]

EXIT_CODES = {
    0: "done",
    1: "the computation or the job failed",
    2: "wrong usage or unusable input",
    3: "the service is away, full or cannot start",
    4: "the service refused: wrong credentials, an unknown job, or one that is over already",
    5: "the job is not over yet (result --no-wait)",
    130: "interrupted",
}

COMMANDS: dict[str, tuple[str, str]] = {
    "backup": ("backup:backup", "Copy the store of `oddline up` to a file, while it runs."),
    "config": ("config:config", "Print every setting, its value and what it is for."),
    "credentials": ("credentials:credentials", "Create, list and revoke the clients of a service."),
    "demo": ("demo:demo", "Start a service, find the failures of a real machine in it, draw them, stop."),
    "detect": ("detect:detect", "Find anomalies in a file, here, without a service."),
    "fit": ("fit:fit", "Learn from a file once, to score others later."),
    "jobs": ("jobs:jobs", "List your jobs on a service; cancel one, or do one again."),
    "restart": ("restart:restart", "Replace the parts of a running service, one after the other."),
    "restore": ("backup:restore", "Make a data folder for `oddline up` from a backup."),
    "result": ("jobs:result", "Wait for a job on a service and print its result."),
    "score": ("score:score", "Write one score for each row of a file, here, without a service."),
    "submit": ("jobs:submit", "Send a file to a service as a job."),
    "up": ("up:up", "Run the whole service on this machine until Ctrl-C."),
}
"""Each command's home and its one-line help: the help page and ``--version`` load none of them."""

EPILOG = "Exit codes: " + "; ".join(f"{code} {text}" for code, text in EXIT_CODES.items()) + "."


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"oddline_api.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(COMMANDS.items())])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from oddline.errors import did_you_mean

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(error.message + did_you_mean(args[0], COMMANDS), ctx) from error


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="oddline", message="%(prog)s %(version)s")
def cli() -> None:
    """Anomaly detection for time series: on this machine, or as a service of jobs.

    The commands that talk to a service read ODDLINE_URL, ODDLINE_CLIENT_ID and ODDLINE_CLIENT_SECRET,
    and ODDLINE_CA_FILE for https with a CA of your own; secrets are never taken from the command line.
    """


def main() -> None:
    """Run the command line; an error is one or two lines on stderr and an exit code."""
    try:
        sys.exit(cli.main(prog_name="oddline", standalone_mode=False) or 0)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message())
        sys.exit(0)
    except click.ClickException as error:
        tell(_sentence(error.format_message()))
        if isinstance(error, click.UsageError) and error.ctx:
            click.echo(f"See: {error.ctx.command_path} --help", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except OddlineError as error:
        tell(_sentence(error.message))
        sys.exit(exit_code(error))


def _sentence(words: str) -> str:
    return words if words.endswith((".", "?", "!", "…")) else words + "."


def exit_code(error: OddlineError) -> int:
    """The exit code of an error, see :data:`EXIT_CODES`."""
    if error.status in (401, 403, 404, 409) or isinstance(error, JobError):
        return 4
    if error.status in (429, 502, 503, 504):
        return 3
    if isinstance(error, DataError | ParameterError | LimitError) or error.status in (400, 413, 415, 422):
        return 2
    return 1
