#!lua flags=allow-oom
-- queued(id): the message is on its lane. A worker may have been quicker; then only the outbox is left.
redis.call('ZREM', root .. 'outbox', ARGV[1])
local job = load(ARGV[1])
if not job or not legal(job, 'queued') then return 0 end
redis.call('HSET', job.key, 'status', 'queued')
if job.queued == 0 then redis.call('HSET', job.key, 'queued', text(job.at)) end
redis.call('ZADD', root .. 'pending:' .. job.lane, 'XX', text(now), job.id)
return 1
