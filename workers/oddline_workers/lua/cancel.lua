#!lua flags=allow-oom
-- cancel(id, owner, ttl): a waiting job ends at once; an executing one is told by its next beat; one that
-- is over stays as it is. The record, or nothing when it is not the owner's.
local job = load(ARGV[1])
if not job or job.owner ~= ARGV[2] then return false end
if job.status == 'executing' then
  redis.call('HSET', job.key, 'cancel', '1')
elseif not job.over then
  if not legal(job, 'cancelled') then return illegal(job, 'cancelled') end
  settle(job, 'cancelled', ARGV[3], 'cancel', '1')
end
return redis.call('HGETALL', job.key)
