#!lua
-- admit(id, owner, limit, due, pieces, stored, key, request, ttl, field, value, ...): record, pending, outbox
-- and the owner's indexes in one step. The record as it stands, of an earlier job where the owner's idempotency
-- key has been used for the same request. No flag allow-oom: a full store refuses here, before any write.
local id, owner, limit, due = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local key, payload = root .. 'job:' .. id, root .. 'payload:' .. id
local same = root .. 'idempotency:' .. owner .. ':' .. ARGV[7]

local known = load(id)
if known then
  if known.owner ~= owner then return 'taken' end
  -- The reply of a first try was lost on its way: it is admitted already, its payload just written again.
  if not known.over then redis.call('PERSIST', payload) end
  return redis.call('HGETALL', key)
end
if ARGV[7] ~= '' then
  local earlier = redis.call('HMGET', same, 'id', 'request')
  if earlier[1] and redis.call('EXISTS', root .. 'job:' .. earlier[1]) == 1 then
    redis.call('UNLINK', payload)
    if earlier[2] ~= ARGV[8] then return 'another' end
    return redis.call('HGETALL', root .. 'job:' .. earlier[1])
  end
end
local waiting = 0
for _, lane in ipairs(LANES) do
  waiting = waiting + redis.call('ZCARD', root .. 'pending:' .. lane)
end
if waiting >= limit then
  redis.call('UNLINK', payload)
  return 'full'
end
local stored = 0
for piece = 0, ARGV[5] - 1 do
  stored = stored + redis.call('HSTRLEN', payload, text(piece))
end
if redis.call('HLEN', payload) ~= tonumber(ARGV[5]) or stored ~= tonumber(ARGV[6]) then
  redis.call('UNLINK', payload)
  return 'incomplete'
end
redis.call('HSET', key, unpack(ARGV, 10))
redis.call('HSET', key, 'status', 'submitted', 'submitted', text(now))
redis.call('PERSIST', payload)
local lane = redis.call('HGET', key, 'lane')
redis.call('ZADD', root .. 'pending:' .. lane, text(now), id)
redis.call('ZADD', root .. 'outbox', text(now + due), id)
for _, index in ipairs(indexes(load(id))) do
  redis.call('ZADD', root .. 'owner:' .. index, text(now), id)
end
if ARGV[7] ~= '' then
  redis.call('HSET', same, 'id', id, 'request', ARGV[8])
  redis.call('PEXPIRE', same, ARGV[9])
end
local failed = root .. 'job:' .. (redis.call('HGET', key, 'retry_of') or '')
if redis.call('EXISTS', failed) == 1 then redis.call('HSET', failed, 'retried_as', id) end
return redis.call('HGETALL', key)
