-- What the processes that link ask the queue of a shard. ARGV: step, then what it needs.
-- 'add', ids: queue those of these images that were not linked, and whose entry is missing. Returns how many.
-- 'claim', consumer, count, idle milliseconds, then consumers that have ended: give a consumer so many images at most: those that
--   others have had for so long or that ended consumers had, then new ones. Returns {id, how often it was given to anyone} for each.
-- 'give up', id: take an image out that cannot be linked.
-- 'drop', entry: take an entry out that is not that of an image.
-- 'leave', consumer: remove a consumer that has nothing in work.
-- 'consumers': return {name, number in work, milliseconds since it asked} for each.
-- Keys: unlinked, img:<id>
local step = ARGV[1]
expect('stream', 'unlinked')

local function consumers()
  local found = {}
  if call('EXISTS', 'unlinked') == 0 then return found end
  local groups = redis.call('XINFO', 'GROUPS', KEYS[1] .. 'unlinked')
  if #groups == 0 then return found end
  for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1] .. 'unlinked', GROUP)) do
    local facts = {}
    for at = 1, #one, 2 do facts[one[at]] = one[at + 1] end
    found[#found + 1] = {facts.name, facts.pending, facts.idle}
  end
  return found
end

local function leave(consumer)
  for _, one in ipairs(consumers()) do
    if one[1] == consumer and one[2] == 0 then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1] .. 'unlinked', GROUP, consumer)
    end
  end
end

if step == 'add' then
  local count = 0
  for at = 2, #ARGV do
    local id = ARGV[at]
    if call('EXISTS', 'img:' .. id) == 1 then
      if not entry_of(id) then call('HDEL', 'img:' .. id, 'queued') end
      count = count + enqueue(id)
    end
  end
  return count

elseif step == 'claim' then
  local consumer, count, idle, taken = ARGV[2], tonumber(ARGV[3]), ARGV[4], {}
  if call('EXISTS', 'unlinked') == 0 then return taken end
  redis.pcall('XGROUP', 'CREATE', KEYS[1] .. 'unlinked', GROUP, '0') -- BUSYGROUP: it is there

  -- An entry of an image that was forgotten or linked, or that is not the image's own, is taken out here.
  local function take(entries)
    for _, entry in ipairs(entries) do
      if entry then
        local id = entry[2] and entry[2][2] or ''
        local queued, linked = unpack(call('HMGET', 'img:' .. id, 'queued', 'linked'))
        if linked then dequeue(id) end
        if linked or queued ~= entry[1] then
          drop_entry(entry[1])
        else
          local pending = call('XPENDING', 'unlinked', GROUP, entry[1], entry[1], 1)[1]
          taken[#taken + 1] = {id, pending and pending[4] or 1}
        end
      end
    end
  end

  for at = 5, #ARGV do
    local left = count - #taken
    if left > 0 then
      local had = {}
      for _, one in ipairs(call('XPENDING', 'unlinked', GROUP, '-', '+', left, ARGV[at])) do had[#had + 1] = one[1] end
      if #had > 0 then take(call('XCLAIM', 'unlinked', GROUP, consumer, 0, unpack(had))) end
      if #had < left then leave(ARGV[at]) end
    end
  end
  if #taken < count then take(call('XAUTOCLAIM', 'unlinked', GROUP, consumer, idle, '0-0', 'COUNT', count - #taken)[2]) end
  if #taken < count then
    local new = redis.call(
      'XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', count - #taken, 'STREAMS', KEYS[1] .. 'unlinked', '>')
    if new then take(new[1][2]) end
  end
  return taken

elseif step == 'give up' then
  return dequeue(ARGV[2])

elseif step == 'drop' then
  local found = call('XRANGE', 'unlinked', ARGV[2], ARGV[2])[1]
  local id = found and (found[2][2] or '')
  if found and (found[2][1] ~= 'id' or call('HGET', 'img:' .. id, 'queued') ~= ARGV[2]) then drop_entry(ARGV[2]) end
  return 0

elseif step == 'leave' then
  return leave(ARGV[2])

elseif step == 'consumers' then
  return consumers()
end
return redis.error_reply('unknown step')
