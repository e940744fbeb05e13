-- Begins every script. A script touches only keys under the prefix KEYS[1], those that its head and the files before it name.
-- Keys: head
local function call(command, name, ...) return redis.call(command, KEYS[1] .. name, ...) end

local function fence_moved(expected)
  return (call('HGET', 'head', 'fence') or '0') ~= expected
end
