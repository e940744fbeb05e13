-- Write or drop verdicts on the side of images of this shard.
-- ARGV: expected fence, most verdicts on one side, then four for each: owner id, other id, verdict bytes ('' to drop it), rank.
-- Returns 'fence' and does nothing when a forget has passed; else for each 0 where a verdict has no owner any more, 1 otherwise.
-- An older verdict replaces no newer one: bytes 5 to 12 are the time it was judged (FORMAT.md).
-- Keys: img:<id>, ver:<id>, partners:<id>
if fence_moved(ARGV[1]) then return 'fence' end
for at = 3, #ARGV, 4 do
  expect('hash', 'ver:' .. ARGV[at])
  expect('zset', 'partners:' .. ARGV[at])
end
local answers = {}
for at = 3, #ARGV, 4 do
  local owner, other, bytes, rank = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local verdicts, partners = 'ver:' .. owner, 'partners:' .. owner
  local there = bytes == '' or call('EXISTS', 'img:' .. owner) == 1
  answers[#answers + 1] = there and 1 or 0
  if bytes == '' then
    call('HDEL', verdicts, other)
    call('ZREM', partners, other)
  elseif there and string.sub(call('HGET', verdicts, other) or '', 5, 12) <= string.sub(bytes, 5, 12) then
    call('HSET', verdicts, other, bytes)
    call('ZADD', partners, rank, other)
    if call('HLEN', verdicts) > tonumber(ARGV[2]) then
      local lowest = call('ZRANGEBYSCORE', partners, '(-1', '+inf', 'LIMIT', 0, 1)[1]
      call('HDEL', verdicts, lowest)
      call('ZADD', partners, -1, lowest)
    end
  end
end
return answers
