#!lua
-- dataset_commit(owner, digest, expected, version, ttl, summary, segments, fresh, job, attempt, field, value, ...):
-- write the record of a dataset if it is still at the version expected, '' where there is to be none. The
-- segments that it does not name any more expire, the fresh ones stay. 'done', when it was created and when
-- modified, also on a retry whose first reply was lost, even if others have committed since: the record knows
-- the versions before its own; 'conflict'; 'incomplete' where pieces are missing.
-- `segments` is keys with spaces between, `fresh` keys and their numbers of pieces. With a job it must be that
-- attempt that runs, not to be cancelled, and none may have committed before: else 'overtaken'. Its record
-- says so from then on.
local root, owner, digest, expected, version = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key = root .. 'dataset:' .. owner .. ':' .. digest
local most = 64
local known = redis.call('HMGET', key, 'version', 'segments', 'created', 'modified', 'past')
local past = known[5] or ''
if known[1] == version or string.find(past, version, 1, true) then return {'done', known[3], known[4]} end
if (known[1] or '') ~= expected then return {'conflict'} end
local job = ARGV[9] ~= '' and root .. 'job:' .. ARGV[9]
if job then
  local at = redis.call('HMGET', job, 'status', 'attempt', 'cancel', 'committed')
  if at[1] ~= 'executing' or at[2] ~= ARGV[10] or at[3] == '1' or at[4] then return {'overtaken'} end
end
for segment, pieces in string.gmatch(ARGV[8], '(%S+) (%d+)') do
  if redis.call('HLEN', root .. segment) ~= tonumber(pieces) then return {'incomplete'} end
end
local kept = {}
for segment in string.gmatch(ARGV[7], '%S+') do kept[segment] = true end
for segment in string.gmatch(known[2] or '', '%S+') do
  if not kept[segment] then redis.call('PEXPIRE', root .. segment, ARGV[5]) end
end
for segment in string.gmatch(ARGV[8], '(%S+) %d+') do redis.call('PERSIST', root .. segment) end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
local created = known[3] or now
redis.call('HSET', key, 'version', version, 'segments', ARGV[7], 'created', created, 'modified', now,
  'past', string.sub(past .. ' ' .. expected, -most * (#version + 1)), unpack(ARGV, 11))
redis.call('HSET', root .. 'datasets:' .. owner, digest, created .. ' ' .. now .. ' ' .. ARGV[6])
if job then redis.call('HSET', job, 'committed', version) end
return {'done', created, now}
