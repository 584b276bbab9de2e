#!lua flags=allow-oom
-- finish(id, attempt, status, ttl, error, result, pieces): 1 when this attempt ended the job (also on a
-- retry), 0 when it may not any more, -1 when pieces of its result are missing.
local attempt, status = tonumber(ARGV[2]), ARGV[3]
local job = load(ARGV[1])
if job and job.attempt == attempt then
  if job.status == status then
    -- A retry: the last pieces of the result were just written again, to expire soon.
    if status == 'done' then redis.call('PEXPIRE', result_key(job), redis.call('PTTL', job.key)) end
    return 1
  end
  if job.status == 'executing' then
    if not legal(job, status) then return illegal(job, status) end
    if status == 'done' then
      if redis.call('HLEN', result_key(job)) ~= tonumber(ARGV[7]) then return -1 end
      settle(job, status, ARGV[4], 'result', ARGV[6], 'fraction', '1.0', 'stage', 'done', 'worker', '')
    else
      settle(job, status, ARGV[4], 'error', ARGV[5], 'worker', '')
    end
    return 1
  end
end
-- Too late: another attempt has the job, or it is over. What this one wrote goes away.
if not (job and job.attempt == attempt and job.status == 'done') then
  redis.call('UNLINK', root .. 'result:' .. ARGV[1] .. ':' .. ARGV[2])
end
return 0
