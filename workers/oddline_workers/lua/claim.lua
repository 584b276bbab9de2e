#!lua flags=allow-oom
-- claim(id, worker, lease, soon): the verdict and, with 'go', the record and the payload's first piece. Claiming
-- again under the same name is a retry whose first reply was lost. With 'wait' another job must be over first:
-- the message is sent again soon.
local job = load(ARGV[1])
local function go()
  return {'go', redis.call('HGETALL', job.key), redis.call('HGET', root .. 'payload:' .. job.id, '0')}
end

if not job then return {'gone'} end
if job.over then return {'over'} end
if job.status == 'executing' then
  if job.worker ~= ARGV[2] then return {'busy'} end
  return go()
end
if not legal(job, 'executing') then return illegal(job, 'executing') end
for first in string.gmatch(job.after, '%S+') do
  local other = load(first)
  if other and not other.over then
    redis.call('ZADD', root .. 'outbox', text(now + ARGV[4]), job.id)
    return {'wait'}
  end
end
local at = text(job.at)
redis.call('HSET', job.key, 'status', 'executing', 'attempt', job.attempt + 1, 'worker', ARGV[2],
  'started', at, 'fraction', '0.0', 'stage', '')
if job.queued == 0 then redis.call('HSET', job.key, 'queued', at) end
if job.execution_started == 0 then redis.call('HSET', job.key, 'execution_started', at) end
redis.call('ZREM', root .. 'pending:' .. job.lane, job.id)
redis.call('ZREM', root .. 'outbox', job.id)
redis.call('ZADD', root .. 'leases', text(now + ARGV[3]), job.id)
return go()
