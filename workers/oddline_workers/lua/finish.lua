#!lua flags=allow-oom
-- finish(id, attempt, status, ttl, error, result, pieces, model): the job's end when this attempt brought it
-- about (also on a retry), '' when it may not any more, 'incomplete' when pieces of its result are missing. A
-- job whose owner was told that it will be cancelled is cancelled, whatever came of it meanwhile. `model` is
-- the id of what a session has learnt, or ''.
local attempt, status, model = tonumber(ARGV[2]), ARGV[3], ARGV[8]
local job = load(ARGV[1])
local record, learnt = root .. 'model:' .. model, root .. 'learnt:' .. model
local record_written, learnt_written = record .. ':' .. ARGV[2], learnt .. ':' .. ARGV[2]

-- What this attempt has learnt is a model of its owner's from here on.
local function adopt()
  redis.call('RENAME', learnt_written, learnt)
  redis.call('RENAME', record_written, record)
  redis.call('PERSIST', learnt)
  redis.call('PERSIST', record)
  redis.call('HSET', record, 'created', text(job.at))
  redis.call('ZADD', root .. 'models:' .. job.owner, text(job.at), model)
end

if job and job.attempt == attempt then
  if job.cancel then status = 'cancelled' end
  if job.status == status then
    -- A retry: the last pieces of the result were just written again, to expire soon.
    if status == 'done' then redis.call('PEXPIRE', result_key(job), redis.call('PTTL', job.key)) end
    if status == 'cancelled' then redis.call('UNLINK', result_key(job)) end
    return status
  end
  if job.status == 'executing' then
    if not legal(job, status) then return illegal(job, status) end
    if status == 'done' then
      if redis.call('HLEN', result_key(job)) ~= tonumber(ARGV[7]) then return 'incomplete' end
      if model ~= '' then
        if redis.call('EXISTS', record_written, learnt_written) < 2 then return 'incomplete' end
        adopt()
      end
      settle(job, status, ARGV[4], 'result', ARGV[6], 'fraction', '1.0', 'stage', 'done', 'worker', '')
    elseif status == 'cancelled' then
      settle(job, status, ARGV[4], 'worker', '')
      if model ~= '' then redis.call('UNLINK', record_written, learnt_written) end
    else
      settle(job, status, ARGV[4], 'error', ARGV[5], 'worker', '')
    end
    return status
  end
end
-- Too late: another attempt has the job, or it is over. What this one wrote goes away.
if not (job and job.attempt == attempt and job.status == 'done') then
  redis.call('UNLINK', root .. 'result:' .. ARGV[1] .. ':' .. ARGV[2])
end
if model ~= '' then redis.call('UNLINK', record_written, learnt_written) end
return ''
