-- Put in front of every script, after its #! line. KEYS[1] is the prefix of all keys;
-- LEGAL (from jobs.LEGAL_MOVES) and LANES are written in by store.py.
local root = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- Numbers as text: microseconds need all their digits.
local function text(number)
  return string.format('%.0f', number)
end

-- What the moves need to know of a job; nil when there is no record. `at` is the stamp of
-- a move made now: never before an earlier stamp, even if the server's clock was set back.
local function load(id)
  local v = redis.call('HMGET', root .. 'job:' .. id, 'status', 'attempt', 'lane', 'owner', 'cancel',
    'losses', 'started', 'worker', 'submitted', 'queued', 'execution_started', 'time_limit', 'kind', 'after')
  if not v[1] then return nil end
  local job = {id = id, key = root .. 'job:' .. id, status = v[1], attempt = tonumber(v[2]), lane = v[3],
    owner = v[4], cancel = v[5] == '1', losses = tonumber(v[6]), started = tonumber(v[7]), worker = v[8],
    submitted = tonumber(v[9]), queued = tonumber(v[10]), execution_started = tonumber(v[11]),
    time_limit = tonumber(v[12] or '0'), kind = v[13] or 'detect', after = v[14] or ''}
  job.at = math.max(now, job.submitted, job.queued, job.execution_started)
  job.over = job.status == 'done' or job.status == 'error' or job.status == 'cancelled'
  return job
end

local function legal(job, status)
  return string.find(LEGAL, ' ' .. job.status .. '>' .. status .. ' ', 1, true) ~= nil
end

local function illegal(job, status)
  return redis.error_reply('ILLEGAL move ' .. job.status .. '>' .. status .. ' of job ' .. job.id)
end

local function result_key(job)
  return root .. 'result:' .. job.id .. ':' .. text(job.attempt)
end

-- The indexes that name a job, as what follows 'owner:'. A callback is nobody's to list.
local function indexes(job)
  if job.kind == 'callback' then return {} end
  if job.kind == 'detect' then return {job.owner} end
  return {job.owner, job.owner .. ':' .. job.kind}
end

-- The end of a job: off every list; record, kept result and kept payload expire together.
local function settle(job, status, ttl, ...)
  redis.call('HSET', job.key, 'status', status, 'done', text(job.at), ...)
  redis.call('ZREM', root .. 'leases', job.id)
  redis.call('ZREM', root .. 'outbox', job.id)
  redis.call('ZREM', root .. 'pending:' .. job.lane, job.id)
  redis.call('PEXPIRE', job.key, ttl)
  for _, index in ipairs(indexes(job)) do
    redis.call('ZADD', root .. 'expiry', text(now + ttl * 1000), job.id .. ':' .. index)
  end
  if status == 'error' and job.kind == 'detect' then
    redis.call('PEXPIRE', root .. 'payload:' .. job.id, ttl)
  else
    redis.call('UNLINK', root .. 'payload:' .. job.id)
  end
  if status == 'done' then
    redis.call('PEXPIRE', result_key(job), ttl)
  elseif job.attempt > 0 then
    redis.call('UNLINK', result_key(job))
  end
end

-- An executing job whose worker let go of it, or was lost (`losses` counts those only).
-- It waits again, due on the outbox at once or in a while, unless it was cancelled or is at its limits.
local function put_back(job, lost, ttl, max_losses, lost_error, time_error, wait)
  local due = text(now + (wait or 0))
  local losses = job.losses
  if lost then losses = losses + 1 end
  if job.cancel then
    settle(job, 'cancelled', ttl)
  elseif lost and job.time_limit > 0 and job.at - job.started >= job.time_limit * 1e6 then
    local error = string.gsub(time_error, '{limit}', string.format('%g', job.time_limit))
    settle(job, 'error', ttl, 'losses', losses, 'error', error)
  elseif losses >= max_losses then
    settle(job, 'error', ttl, 'losses', losses, 'error', lost_error)
  else
    redis.call('UNLINK', result_key(job))
    redis.call('HSET', job.key, 'status', 'submitted', 'losses', losses, 'worker', '', 'fraction', '0.0',
      'stage', '')
    redis.call('ZREM', root .. 'leases', job.id)
    redis.call('ZADD', root .. 'pending:' .. job.lane, due, job.id)
    redis.call('ZADD', root .. 'outbox', due, job.id)
  end
end
