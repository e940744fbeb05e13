-- Write or drop verdicts on the side of images of this shard.
-- ARGV: expected fence, most verdicts on one side, then five for each: 'write' or 'drop', owner id, other id, verdict bytes, rank.
-- Returns 'fence' and does nothing when a forget has passed; else for each: written, older, absent (the owner has no record), dropped.
-- Bytes 5 to 12 of a verdict are the time it was judged, big-endian: text order is time order, and an older one replaces no newer.
-- Keys: img:<id>, ver:<id>, partners:<id>
if fence_moved(ARGV[1]) then return 'fence' end
local answers = {}
for at = 3, #ARGV, 5 do
  local action, owner, other, bytes, rank = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local verdicts, partners = P .. 'ver:' .. owner, P .. 'partners:' .. owner
  local old = call('HGET', verdicts, other)
  if action == 'drop' then
    call('HDEL', verdicts, other)
    call('ZREM', partners, other)
    answers[#answers + 1] = 'dropped'
  elseif call('EXISTS', P .. 'img:' .. owner) == 0 then
    answers[#answers + 1] = 'absent'
  elseif old and string.sub(old, 5, 12) > string.sub(bytes, 5, 12) then
    answers[#answers + 1] = 'older'
  else
    call('HSET', verdicts, other, bytes)
    call('ZADD', partners, rank, other)
    if call('HLEN', verdicts) > tonumber(ARGV[2]) then
      local lowest = call('ZRANGEBYSCORE', partners, '(-1', '+inf', 'LIMIT', 0, 1)[1]
      call('HDEL', verdicts, lowest)
      call('ZADD', partners, -1, lowest)
    end
    answers[#answers + 1] = 'written'
  end
end
return answers
