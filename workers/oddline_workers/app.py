"""The Celery app: the bell that wakes workers, and nothing more. The record in the store is the truth."""

from __future__ import annotations

from functools import cache
from typing import Any

from celery import Celery
from kombu import Queue

from oddline_workers import tasks
from oddline_workers.connections import celery_url, patience, tls
from oddline_workers.settings import Settings, from_environment
from oddline_workers.store import LANES, bell_prefix

__all__ = ["make_app"]


def make_app(settings: Settings, role: str = "worker", *, engine: Any = None) -> Celery:
    """A Celery app on the store of these settings.

    Parameters
    ----------
    settings : Settings
    role : {"worker", "gateway", "janitor", "cli"}
        Fixes how long publishing waits for the store.
    engine : Engine, optional
        Instead of the detection, for load measurements and fault trials.
    """
    app = Celery("oddline", set_as_current=role == "worker")
    wait = patience(role)
    app.conf.update(
        broker_url=celery_url(settings),
        broker_use_ssl=tls(settings) or None,
        broker_transport_options={
            "global_keyprefix": bell_prefix(settings),
            "visibility_timeout": 86_400,
            "socket_timeout": wait.reply,
            "socket_connect_timeout": wait.connect,
            "socket_keepalive": not settings.redis_url.startswith("unix:"),
            "health_check_interval": 25,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_acquire_timeout=2,
        task_publish_retry_policy={
            "max_retries": 2 if role == "worker" else 0,
            "interval_start": 0.1,
            "interval_step": 0.2,
            "interval_max": 0.5,
        },
        result_backend=None,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_queues=[Queue(lane) for lane in LANES],
        task_default_queue=LANES[0],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure=True,
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=1000,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    tasks.register(app, settings, **({} if engine is None else {"engine": engine}))
    return app


@cache
def _app() -> Celery:
    return make_app(from_environment())


def __getattr__(name: str) -> Any:
    # `celery -A oddline_workers.app` asks for `app`; who only wants make_app needs no store.
    if name == "app":
        return _app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
