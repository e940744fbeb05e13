-- Move a tag's fence: whoever read it before cannot write verdicts or clusters here any more without looking again.
-- ARGV: expected fence. Gives the new fence, or 'fence' when somebody else moved it.
local now = redis.call('HGET', KEYS[1] .. 'head', 'fence') or '0'
if now ~= ARGV[1] then return 'fence' end
redis.call('DEL', KEYS[1] .. 'none') -- a removal comes first, so that a server that is full lets the rest through
return tostring(redis.call('HINCRBY', KEYS[1] .. 'head', 'fence', 1))
