-- Begins every script. KEYS[1] is the prefix of one tag; a script touches only keys under it, those that its head and those of the
-- files before it name. keys.py says what they hold.
-- Keys: head
local P, call = KEYS[1], redis.call

local function fence_moved(expected)
  return (call('HGET', P .. 'head', 'fence') or '0') ~= expected
end
