#!lua flags=allow-oom
-- release(id, attempt, lost, ttl, max_losses, lost_error, time_error, wait): the attempt lets go of the job,
-- of its own will ('0') or because its process died ('1'). It is to wait for so long at least.
local job = load(ARGV[1])
if not job or job.status ~= 'executing' or job.attempt ~= tonumber(ARGV[2]) then return 0 end
if not legal(job, 'submitted') then return illegal(job, 'submitted') end
put_back(job, ARGV[3] == '1', ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7], tonumber(ARGV[8]))
return 1
