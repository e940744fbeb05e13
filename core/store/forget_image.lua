-- Steps of forgetting an image inside its own shard.
-- ARGV: expected fence, step, id. Step 'begin' removes the record first and all else that names the image, but keeps its
-- partners, which tell the later steps where to clean, and marks it so that it cannot be added meanwhile. Step 'end' removes these two.
-- Gives 'fence' and does nothing when another forget has passed; else 1 if there was an image (begin), and its number of occurrences.
if fence_moved(ARGV[1]) then return 'fence' end
local id = ARGV[3]
if ARGV[2] == 'end' then
  call('DEL', P .. 'partners:' .. id)
  call('SREM', P .. 'forgetting', id)
  return {0, 0}
end
local digest, rows = call('HGET', P .. 'img:' .. id, 'digest'), rows_of(P .. 'img:' .. id)
if not digest then return {0, 0} end
call('DEL', P .. 'img:' .. id) -- a removal comes first, so a server that is full lets the rest of the script through
call('SADD', P .. 'forgetting', id)
kill_rows(rows)
call('ZREM', P .. 'ids', id)
list_remove('pixels', digest, id)
local occurrences = call('HKEYS', P .. 'occ:' .. id)
for _, occurrence in ipairs(occurrences) do list_remove('where', occurrence, id) end
for _, collection in ipairs(call('HKEYS', P .. 'mem:' .. id)) do call('SREM', P .. 'set:' .. collection, id) end
call('HINCRBY', P .. 'head', 'occurrences', 0 - #occurrences) -- not -#: Redis before 7.2 would be sent -0
call('DEL', P .. 'occ:' .. id, P .. 'seen:' .. id, P .. 'mem:' .. id, P .. 'ver:' .. id)
return {1, #occurrences}
