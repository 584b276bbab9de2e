#!lua flags=allow-oom
-- dataset_delete(owner, digest, ttl): the record is gone; its segments expire, so that who reads them can end. 1, or 0
-- where there is none.
local root, owner, digest = KEYS[1], ARGV[1], ARGV[2]
local key = root .. 'dataset:' .. owner .. ':' .. digest
local segments = redis.call('HGET', key, 'segments')
redis.call('HDEL', root .. 'datasets:' .. owner, digest)
if not segments then return 0 end
for segment in string.gmatch(segments, '%S+') do redis.call('PEXPIRE', root .. segment, ARGV[3]) end
redis.call('UNLINK', key)
return 1
