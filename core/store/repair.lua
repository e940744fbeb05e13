-- Steps of self-check --repair under one tag. Each looks again at what it is to mend, so that what others changed meanwhile stays.
-- ARGV: step, then what it needs. Each returns 1 if it changed something, else 0.
-- 'drop', name, type: remove a key that has this type, which is not the one it should have.
-- 'stray', name, generation: remove a key of columns of a generation that is neither the current nor the next.
-- 'field', name, field, old, new: replace a field of a hash that still has the old value; '' is an absent one.
-- 'sighting', id, occurrence, old value, new value or '', last seen: an image is seen there, in all three lookups, or in none.
-- 'membership', id, collection, old labels, new labels or '': an image is in a collection, in both lookups, or in none.
-- 'keep', id, unix seconds: an image of which anything is known is there, with or without a record.
-- 'strip', id, sha1 of its record or '': remove a record that is broken, and what was computed from it; all else that is known stays.
-- 'pixels', id, digest, its old digest or '': the digest of the image's pixels, in both lookups.
-- 'count': count the occurrences.
-- 'begin', generation: begin to build the columns anew; what is broken in head becomes the head of empty columns before that generation.
-- 'page', generation, then four for each image: id, sha1 of its record, row, words.
-- 'end', generation, then ids of images without a row: take the new columns into use. The keys of the old ones are then named by
--   nothing, and removed as such. Where images lack a row, nothing is done but to return them.
-- Keys: head, ids, where, pixels, img:<id>, occ:<id>, seen:<id>, mem:<id>, set:<collection>, rows:<gen>:<chunk>, words:<gen>:<chunk>
local step = ARGV[1]

local function replace(name, field, old, new)
  if (call('HGET', name, field) or '') ~= old then return 0 end
  if new == '' then call('HDEL', name, field) else call('HSET', name, field, new) end
  return 1
end
local function record_is(id, sum)
  local record = call('HGET', 'img:' .. id, 'record')
  return sum == (record and redis.sha1hex(record) or '')
end

if step == 'drop' then
  if call('TYPE', ARGV[2]).ok ~= ARGV[3] then return 0 end
  return call('DEL', ARGV[2])

elseif step == 'stray' then
  if ARGV[3] == generation() or ARGV[3] == call('HGET', 'head', 'next') then return 0 end
  return call('UNLINK', ARGV[2])

elseif step == 'field' then
  return replace(ARGV[2], ARGV[3], ARGV[4], ARGV[5])

elseif step == 'sighting' then
  local id, occurrence, new = ARGV[2], ARGV[3], ARGV[5]
  if replace('occ:' .. id, occurrence, ARGV[4], new) == 0 then return 0 end
  if new == '' then
    call('ZREM', 'seen:' .. id, occurrence)
    list_remove('where', occurrence, id)
  else
    call('ZADD', 'seen:' .. id, ARGV[6], occurrence)
    list_add('where', occurrence, id)
  end
  return 1

elseif step == 'membership' then
  local id, collection, new = ARGV[2], ARGV[3], ARGV[5]
  if replace('mem:' .. id, collection, ARGV[4], new) == 0 then return 0 end
  call(new == '' and 'SREM' or 'SADD', 'set:' .. collection, id)
  return 1

elseif step == 'keep' then
  local image = 'img:' .. ARGV[2]
  if call('EXISTS', image) == 0 then call('HSET', image, 'first', ARGV[3], 'last', ARGV[3]) end
  return call('ZADD', 'ids', 0, ARGV[2])

elseif step == 'strip' then
  local id, image = ARGV[2], 'img:' .. ARGV[2]
  if not record_is(id, ARGV[3]) then return 0 end
  local digest, rows = call('HGET', image, 'digest'), rows_of(image)
  kill_rows(id, rows)
  for _, place in ipairs(rows) do call('HDEL', image, 'row:' .. place[1]) end
  call('HDEL', image, 'record', 'digest')
  if digest then list_remove('pixels', digest, id) end
  return 1

elseif step == 'pixels' then
  local id, image = ARGV[2], 'img:' .. ARGV[2]
  if (call('HGET', image, 'digest') or '') ~= ARGV[4] then return 0 end
  if ARGV[4] ~= ARGV[3] and ARGV[4] ~= '' then list_remove('pixels', ARGV[4], id) end
  call('HSET', image, 'digest', ARGV[3])
  list_add('pixels', ARGV[3], id)
  return 1

elseif step == 'count' then
  local count = 0
  for _, id in ipairs(call('ZRANGE', 'ids', 0, -1)) do count = count + call('HLEN', 'occ:' .. id) end
  call('HSET', 'head', 'occurrences', count)
  return 1

elseif step == 'begin' then
  local head = call('HMGET', 'head', 'generation', 'rows', 'dead', 'fence')
  local broken_head = false
  for at = 1, 3 do
    local text = head[at] or '0'
    broken_head = broken_head or #text > 15 or not string.match(text, '^%d+$')
  end
  if broken_head then
    call('HSET', 'head', 'generation', string.format('%d', tonumber(ARGV[2]) - 1), 'rows', 0, 'dead', 0)
  end
  if #(head[4] or '0') > 15 or not string.match(head[4] or '0', '^%d+$') then -- compared, never counted: any new number will do
    call('HSET', 'head', 'fence', redis.call('TIME')[1])
  end
  call('HDEL', 'head', 'next_chunk')
  call('HSET', 'head', 'next', ARGV[2], 'next_rows', 0, 'next_dead', 0, 'rebuild', ARGV[2])
  return 1

elseif step == 'page' then
  local gen, added = ARGV[2], 0
  if call('HGET', 'head', 'rebuild') ~= gen then return redis.error_reply('another self-check builds the columns') end
  for at = 3, #ARGV, 4 do
    local id, image, row, words = ARGV[at], 'img:' .. ARGV[at], ARGV[at + 2], ARGV[at + 3]
    if record_is(id, ARGV[at + 1]) and call('HEXISTS', image, 'row:' .. gen) == 0 then
      local count = number('head', 'next_rows')
      local chunk = gen .. ':' .. math.floor(count / CHUNK)
      call('HSET', image, 'row:' .. gen, count)
      call('APPEND', 'rows:' .. chunk, row)
      if #words > 0 then call('APPEND', 'words:' .. chunk, words) end
      call('HINCRBY', 'head', 'next_rows', 1)
      added = 1
    end
  end
  return added

elseif step == 'end' then
  local gen, without, missing = ARGV[2], {}, {}
  if call('HGET', 'head', 'rebuild') ~= gen then return redis.error_reply('another self-check builds the columns') end
  for at = 3, #ARGV do without[ARGV[at]] = true end
  local ids = call('ZRANGE', 'ids', 0, -1)
  for _, id in ipairs(ids) do
    local image = 'img:' .. id
    if not without[id] and call('HEXISTS', image, 'row:' .. gen) == 0 and call('HEXISTS', image, 'record') == 1 then
      missing[#missing + 1] = id
    end
  end
  if #missing > 0 then return missing end
  for _, id in ipairs(ids) do
    for _, field in ipairs(call('HKEYS', 'img:' .. id)) do
      if string.sub(field, 1, 4) == 'row:' and field ~= 'row:' .. gen then call('HDEL', 'img:' .. id, field) end
    end
  end
  call('HSET', 'head', 'generation', gen, 'rows', call('HGET', 'head', 'next_rows'), 'dead', call('HGET', 'head', 'next_dead'))
  call('HDEL', 'head', 'next', 'next_chunk', 'next_rows', 'next_dead', 'rebuild')
  stamp()
  return missing
end
return redis.error_reply('unknown step')
