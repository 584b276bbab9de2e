#!lua flags=allow-oom
-- beat(id, attempt, lease, fraction, stage): renew the lease, note the progress, learn of a cancellation.
local job = load(ARGV[1])
if not job or job.status ~= 'executing' or job.attempt ~= tonumber(ARGV[2]) then return 'lost' end
redis.call('ZADD', root .. 'leases', text(now + ARGV[3]), job.id)
redis.call('HSET', job.key, 'fraction', ARGV[4], 'stage', ARGV[5])
if job.cancel then return 'cancel' end
return 'go'
