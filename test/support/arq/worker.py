"""A real ARQ worker with jobs of every outcome. Its settings come as JSON in WORKER_SETTINGS."""

import asyncio
import json
import os

from arq import Retry, Worker
from arq.connections import RedisSettings


async def succeed(ctx, value=None):
    return value


async def fail(ctx, message="the job failed"):
    raise RuntimeError(message)


async def retry(ctx, times=1, defer_seconds=0):
    """Asks to be run again `times` times, then succeeds."""
    if ctx["job_try"] <= times:
        raise Retry(defer=defer_seconds)
    return ctx["job_try"]


async def sleep(ctx, seconds):
    await asyncio.sleep(seconds)


async def say_ready(ctx):
    print("worker is ready", flush=True)


def main():
    settings = json.loads(os.environ["WORKER_SETTINGS"])
    redis_settings = RedisSettings.from_dsn(settings.pop("redis_url"))
    # Python 3.12 and newer make no event loop of their own accord; ARQ asks for the current one.
    asyncio.set_event_loop(asyncio.new_event_loop())
    worker = Worker(
        functions=[succeed, fail, retry, sleep],
        redis_settings=redis_settings,
        on_startup=say_ready,
        poll_delay=0.05,
        **settings,
    )
    worker.run()


if __name__ == "__main__":
    main()
