#!lua flags=allow-oom
-- sweep(due, bell, ttl, max_losses, time_limit, lost_error, time_error): puts back the jobs of lost workers
-- and names every job whose message must be published (again), as lane, id, lane, id, ...
local due, bell, batch = tonumber(ARGV[1]), ARGV[2], 200
local again, named = {}, {}

local function name(id, lane)
  if named[id] then return end
  named[id] = true
  again[#again + 1] = lane
  again[#again + 1] = id
end

-- Leases that ran out.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', root .. 'leases', '-inf', text(now), 'LIMIT', 0, batch)) do
  local job = load(id)
  if job and job.status == 'executing' then
    put_back(job, true, ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7])
  else
    redis.call('ZREM', root .. 'leases', id)
  end
end

-- Admitted but never said to be queued: their publisher died, or could not publish.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', root .. 'outbox', '-inf', text(now), 'LIMIT', 0, batch)) do
  local lane = redis.call('HGET', root .. 'job:' .. id, 'lane')
  if lane then
    redis.call('ZADD', root .. 'outbox', text(now + due), id)
    name(id, lane)
  else
    redis.call('ZREM', root .. 'outbox', id)
  end
end

-- Waiting for longer than a message takes, while the lane holds fewer messages than jobs wait: some were
-- lost. A message too many costs one refused claim.
for _, lane in ipairs({'cpu', 'gpu'}) do
  local pending = root .. 'pending:' .. lane
  local missing = redis.call('ZCARD', pending) - redis.call('LLEN', bell .. lane)
  if missing > 0 then
    missing = math.min(missing, batch)
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', pending, '-inf', text(now - due), 'LIMIT', 0, missing)) do
      if redis.call('EXISTS', root .. 'job:' .. id) == 1 then
        redis.call('ZADD', pending, text(now), id)
        name(id, lane)
      else
        redis.call('ZREM', pending, id)
      end
    end
  end
end

-- Records that have expired leave their owner's index.
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', root .. 'expiry', '-inf', text(now), 'LIMIT', 0, batch)) do
  redis.call('ZREM', root .. 'owner:' .. string.sub(entry, 38), string.sub(entry, 1, 36))
  redis.call('ZREM', root .. 'expiry', entry)
end
return again
