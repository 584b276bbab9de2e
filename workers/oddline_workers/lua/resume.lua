#!lua flags=allow-oom
-- resume(ttl, max_losses, lost_error, time_error): after a restore, what ran waits again without a loss, and
-- every wait begins now. How many jobs wait.
for _, id in ipairs(redis.call('ZRANGE', root .. 'leases', 0, -1)) do
  local job = load(id)
  if job and job.status == 'executing' then put_back(job, false, ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]) end
end
local waiting = 0
for _, lane in ipairs(LANES) do
  for _, id in ipairs(redis.call('ZRANGE', root .. 'pending:' .. lane, 0, -1)) do
    local job = load(id)
    if job then
      redis.call('HSET', job.key, 'started', text(now))
      waiting = waiting + 1
    end
  end
end
return waiting
