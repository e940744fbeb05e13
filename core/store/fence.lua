-- Begins every script. A script touches only keys under the prefix KEYS[1], those that its head and the files before it name.
-- Keys: head
-- An error of the server names the key: connection.py tells by it which value is broken.
local function call(command, name, ...)
  local answer = redis.pcall(command, KEYS[1] .. name, ...)
  if type(answer) == 'table' and answer.err then error(answer.err .. ' at ' .. KEYS[1] .. name, 0) end
  return answer
end

-- A script that writes several keys first makes sure that it can write them all, because Redis takes nothing back.
local function broken(name, problem) error('broken value: ' .. problem .. ' at ' .. KEYS[1] .. name, 0) end
local function expect(kind, ...)
  for _, name in ipairs({...}) do
    local found = call('TYPE', name).ok
    if found ~= kind and found ~= 'none' then broken(name, 'a ' .. found .. ' instead of a ' .. kind) end
  end
end

-- A whole number from 0 on; absent counts as 0. Larger ones than a double holds exactly are broken.
local function number(name, field)
  local text = call('HGET', name, field) or '0'
  if #text > 15 or not string.match(text, '^%d+$') then broken(name, field .. ' is no whole number') end
  return tonumber(text)
end

local function fence_moved(expected)
  return (call('HGET', 'head', 'fence') or '0') ~= expected
end
