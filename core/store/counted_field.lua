-- Change a field of a hash under `meta`, and count in head how many it has, so that self-check sees when some are lost.
-- ARGV: 'set', 'new' (unless it is there) or 'remove', hash, field, value. Returns 1 if the field is new or was removed, else 0.
-- The hash is one of COUNTED (keys.py).
-- Keys: head
local step, name, field = ARGV[1], ARGV[2], ARGV[3]
expect('hash', 'head', name)
local count, changed = number('head', 'count:' .. name), 0
if step == 'remove' then
  changed = call('HDEL', name, field)
  count = math.max(count - changed, 0)
else
  changed = call(step == 'new' and 'HSETNX' or 'HSET', name, field, ARGV[4])
  count = count + changed
end
if changed == 1 then call('HSET', 'head', 'count:' .. name, count) end
return changed
