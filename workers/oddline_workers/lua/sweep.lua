#!lua flags=allow-oom
-- sweep(due, bell, ttl, max_losses, lost_error, time_error, patience, waited_error): puts back the jobs of lost workers, ends those that waited too long, and names every job whose message must be
-- published (again), as lane, id, lane, id, ...
local due, bell, patience, batch = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[7]), 200
local again, named = {}, {}

local function name(id, lane)
  if named[id] then return end
  named[id] = true
  again[#again + 1] = lane
  again[#again + 1] = id
end

-- Since when a job could have been taken: never before those that it waits for were over.
local function waits_since(job)
  local since = math.max(job.submitted, job.started)
  for first in string.gmatch(job.after, '%S+') do
    local other = load(first)
    if other and not other.over then return now end
    if other then since = math.max(since, tonumber(redis.call('HGET', other.key, 'done'))) end
  end
  return since
end

-- Whether a job leaves its lane: its record is gone, or no worker took it in time.
local function give_up(pending, id)
  local job = load(id)
  if not job then
    redis.call('ZREM', pending, id)
  elseif now - waits_since(job) < patience then
    return false
  elseif legal(job, 'error') then
    settle(job, 'error', ARGV[3], 'error', ARGV[8])
  end
  return true
end

-- Leases that ran out.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', root .. 'leases', '-inf', text(now), 'LIMIT', 0, batch)) do
  local job = load(id)
  if job and job.status == 'executing' then
    put_back(job, true, ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6])
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

for _, lane in ipairs(LANES) do
  local pending, messages = root .. 'pending:' .. lane, bell .. lane

  -- Waiting for too long: nobody has sent or taken them since.
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', pending, '-inf', text(now - patience), 'LIMIT', 0, batch)) do
    give_up(pending, id)
  end

  -- Waiting for longer than a message takes, while the lane holds fewer messages than jobs wait: some were
  -- lost. A message too many costs one refused claim.
  local missing = redis.call('ZCARD', pending) - redis.call('LLEN', messages)
  if missing > 0 then
    missing = math.min(missing, batch)
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', pending, '-inf', text(now - due), 'LIMIT', 0, missing)) do
      if not give_up(pending, id) then
        redis.call('ZADD', pending, text(now), id)
        name(id, lane)
      end
    end
  elseif -missing > batch then
    -- Messages of jobs that are over pile up where no worker takes them. The oldest go; if one of a waiting
    -- job is among them, it is missed and sent again when the lane is worked on.
    redis.call('LTRIM', messages, 0, redis.call('ZCARD', pending) + batch - 1)
  end
end

-- Records that have expired leave their owner's index.
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', root .. 'expiry', '-inf', text(now), 'LIMIT', 0, batch)) do
  redis.call('ZREM', root .. 'owner:' .. string.sub(entry, 38), string.sub(entry, 1, 36))
  redis.call('ZREM', root .. 'expiry', entry)
end
return again
