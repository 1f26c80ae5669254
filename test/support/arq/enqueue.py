"""Enqueues jobs as an application does. Reads {"redis_url", "queue_name", "jobs"} as JSON from stdin, prints the job ids."""

import asyncio
import json
import sys

from arq import create_pool
from arq.connections import RedisSettings


async def main():
    request = json.load(sys.stdin)
    settings = RedisSettings.from_dsn(request["redis_url"])
    settings.conn_retries = 0
    pool = await create_pool(settings, default_queue_name=request["queue_name"])
    ids = []
    for job in request["jobs"]:
        enqueued = await pool.enqueue_job(
            job["function"],
            *job.get("args", []),
            _job_id=job.get("job_id"),
            _defer_by=job.get("defer_by_seconds"),
        )
        # None: a job with this id is queued already, or its result is still kept.
        ids.append(None if enqueued is None else enqueued.job_id)
    await pool.aclose()
    print(json.dumps(ids))


asyncio.run(main())
