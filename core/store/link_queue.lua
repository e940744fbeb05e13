-- Shared by the scripts that put images into the queue of those to be linked, and take them out.
-- An entry of the stream has the field id, and its image the field `queued` with the number of the entry.
-- Keys: img:<id>, unlinked
local GROUP = 'linkers'

-- Queue an image that was not linked and is in no queue. Returns 1 if it was queued now.
local function enqueue(id)
  local image = 'img:' .. id
  if call('HEXISTS', image, 'linked') == 1 or call('HEXISTS', image, 'queued') == 1 then return 0 end
  expect('stream', 'unlinked')
  call('HSET', image, 'queued', call('XADD', 'unlinked', '*', 'id', id))
  return 1
end

-- Take an entry out, whoever has it in work.
local function drop_entry(entry)
  expect('stream', 'unlinked')
  call('XACK', 'unlinked', GROUP, entry)
  call('XDEL', 'unlinked', entry)
end

-- The entry of an image; false for none. One that is lost, or that can be none, counts as none.
local function entry_of(id)
  local entry = call('HGET', 'img:' .. id, 'queued')
  if not entry or not string.match(entry, '^%d+%-%d+$') or #entry > 40 then return false end
  local found = call('XRANGE', 'unlinked', entry, entry)[1]
  return found and found[2][2] == id and entry
end

local function dequeue(id)
  if call('HEXISTS', 'img:' .. id, 'queued') == 0 then return end
  local entry = entry_of(id)
  if entry then drop_entry(entry) end
  call('HDEL', 'img:' .. id, 'queued')
end
