-- Steps of forgetting an image inside its own shard. ARGV: step, then what it needs.
-- 'begin', id: removes all that names the image but its partners, which tell the later steps where to clean, and marks it: until 'end'
--   it cannot be added, and whoever finds the mark does the rest. Notes when that was, so that no older backup brings it back. Returns {1 if there is something to end, else 0; its occurrences}.
-- 'withdraw', occurrence, collection or '', ids: these images are no longer seen there; one that is seen nowhere else leaves the
--   collection, and if it is then in none, its forgetting begins in the same step. Returns for each id 1 if it is gone, else 0.
-- 'expire', collection, unix seconds, '1' or '0', ids: these images leave the collection if they were last seen before that time and no
--   host but `file` shows them; one that is then in none is forgotten as by 'withdraw'. '0': nothing is changed. Returns for each id
--   0 (it stays), 1 (it leaves the collection) or 2 (it is gone).
-- 'end', expected fence, id: removes partners and mark, and raises the fence, so that nobody who saw the mark goes on.
--   Returns 'fence' and does nothing when another has raised it.
-- Keys: head, forgetting, forgotten, ids, where, pixels, img:<id>, occ:<id>, seen:<id>, mem:<id>, ver:<id>, partners:<id>, set:<collection>, rows, words, tombs
local function begin(id)
  if call('EXISTS', 'img:' .. id) == 0 then return 0 end
  expect('hash', 'img:' .. id, 'occ:' .. id, 'mem:' .. id, 'where', 'pixels')
  expect('zset', 'ids', 'forgotten')
  expect('set', 'forgetting')
  expect('stream', 'unlinked')
  number('head', 'occurrences')
  local digest, rows = call('HGET', 'img:' .. id, 'digest'), rows_of('img:' .. id)
  for _, row in ipairs(rows) do
    local chunk = row[1] .. ':' .. math.floor(row[2] / CHUNK)
    expect('string', 'rows:' .. chunk, 'words:' .. chunk, 'tombs:' .. row[1])
    number('head', row[3])
  end
  local entry = entry_of(id)
  call('DEL', 'img:' .. id) -- a removal comes first, so a server that is full lets the rest of the script through
  call('SADD', 'forgetting', id)
  local now = redis.call('TIME')
  call('ZADD', 'forgotten', string.format('%s.%06d', now[1], tonumber(now[2])), forgotten_mark(id))
  if entry then drop_entry(entry) end
  kill_rows(id, rows)
  call('ZREM', 'ids', id)
  if digest then list_remove('pixels', digest, id) end
  local occurrences = call('HKEYS', 'occ:' .. id)
  for _, occurrence in ipairs(occurrences) do list_remove('where', occurrence, id) end
  for _, collection in ipairs(call('HKEYS', 'mem:' .. id)) do call('SREM', 'set:' .. collection, id) end
  call('HINCRBY', 'head', 'occurrences', 0 - #occurrences) -- not -#: Redis before 7.2 would be sent -0
  for _, kind in ipairs({'occ:', 'seen:', 'mem:', 'ver:'}) do call('DEL', kind .. id) end
  return #occurrences
end

if ARGV[1] == 'begin' then
  local occurrences = begin(ARGV[2])
  return {call('SISMEMBER', 'forgetting', ARGV[2]), occurrences}

elseif ARGV[1] == 'withdraw' then
  local occurrence, collection, gone = ARGV[2], ARGV[3], {}
  for at = 4, #ARGV do
    local id = ARGV[at]
    if call('HDEL', 'occ:' .. id, occurrence) == 1 then
      call('ZREM', 'seen:' .. id, occurrence)
      list_remove('where', occurrence, id)
      call('HINCRBY', 'head', 'occurrences', -1)
      if call('HLEN', 'occ:' .. id) == 0 then
        if collection ~= '' and call('HDEL', 'mem:' .. id, collection) == 1 then call('SREM', 'set:' .. collection, id) end
        if call('HLEN', 'mem:' .. id) == 0 then begin(id) end
      end
    end
    gone[#gone + 1] = 1 - call('EXISTS', 'img:' .. id)
  end
  return gone

elseif ARGV[1] == 'expire' then
  local collection, before, really, answers = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', {}
  for at = 5, #ARGV do
    local id, answer = ARGV[at], 0
    local shown = number('img:' .. id, 'last') >= before
    for _, occurrence in ipairs(call('HKEYS', 'occ:' .. id)) do
      shown = shown or not string.match(occurrence, '^file:')
    end
    if not shown and call('HEXISTS', 'mem:' .. id, collection) == 1 then
      answer = call('HLEN', 'mem:' .. id) == 1 and 2 or 1
      if really then
        call('HDEL', 'mem:' .. id, collection)
        call('SREM', 'set:' .. collection, id)
        if answer == 2 then begin(id) end
      end
    end
    answers[#answers + 1] = answer
  end
  return answers

elseif ARGV[1] == 'end' then
  if fence_moved(ARGV[2]) then return 'fence' end
  call('DEL', 'partners:' .. ARGV[3])
  call('SREM', 'forgetting', ARGV[3])
  return call('HINCRBY', 'head', 'fence', 1)
end
return redis.error_reply('unknown step')
