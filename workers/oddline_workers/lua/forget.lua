#!lua flags=allow-oom
-- forget(id, owner): the job and all that it kept are gone, whatever its state; the worker of one that runs is
-- told that it lost it. 1, or 0 when it is not the owner's.
local job = load(ARGV[1])
if not job or job.owner ~= ARGV[2] then return 0 end
redis.call('UNLINK', job.key, root .. 'payload:' .. job.id, result_key(job))
redis.call('ZREM', root .. 'leases', job.id)
redis.call('ZREM', root .. 'outbox', job.id)
redis.call('ZREM', root .. 'pending:' .. job.lane, job.id)
for _, index in ipairs(indexes(job)) do
  redis.call('ZREM', root .. 'owner:' .. index, job.id)
  redis.call('ZREM', root .. 'expiry', job.id .. ':' .. index)
end
return 1
