-- Add an image, or note where a known one was seen: record, row, words and lookups appear together or not at all.
-- ARGV: id, unix seconds when it was seen, occurrence or '', collection or '', labels (JSON), then for a put: record, row, words, digest,
-- '1' to renew the features. First-seen times only fall, last-seen times only rise.
-- Returns added, updated (something new about a known image), known, absent (a note about none), or forgetting (try again).
-- Keys: head, ids, forgetting, where, pixels, img:<id>, occ:<id>, seen:<id>, mem:<id>, set:<collection>
local id, seen, occurrence, collection, labels = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local record, row, words, digest, renew = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local image, status = 'img:' .. id, 'known'

if call('SISMEMBER', 'forgetting', id) == 1 then return 'forgetting' end
local known = call('HMGET', image, 'digest', 'first', 'last')
if not known[1] then
  if not record then return 'absent' end
  call('HSET', image, 'record', record, 'digest', digest, 'first', seen, 'last', seen)
  append_row(image, row, words)
  call('ZADD', 'ids', 0, id)
  list_add('pixels', digest, id)
  status = 'added'
else
  if renew == '1' then
    replace_features(id, record, row, words, digest)
    status = 'updated'
  end
  if tonumber(seen) > tonumber(known[3]) then call('HSET', image, 'last', seen) end
  if tonumber(seen) < tonumber(known[2]) then call('HSET', image, 'first', seen) end
end

if occurrence ~= '' then
  local given = collection == '' and labels or '{}'
  local old = call('HGET', 'occ:' .. id, occurrence)
  if not old then
    call('HSET', 'occ:' .. id, occurrence, seen .. ' ' .. given)
    call('HINCRBY', 'head', 'occurrences', 1)
    list_add('where', occurrence, id)
    if status == 'known' then status = 'updated' end
  else
    local first, had = string.match(old, '^(%d+) (.*)$')
    if given == '{}' then given = had end
    if given ~= had and status == 'known' then status = 'updated' end
    if tonumber(seen) < tonumber(first) then first = seen end
    if first .. ' ' .. given ~= old then call('HSET', 'occ:' .. id, occurrence, first .. ' ' .. given) end
  end
  call('ZADD', 'seen:' .. id, 'GT', seen, occurrence)
end

if collection ~= '' then
  local had = call('HGET', 'mem:' .. id, collection)
  if not had or (labels ~= '{}' and labels ~= had) then
    call('HSET', 'mem:' .. id, collection, labels)
    call('SADD', 'set:' .. collection, id)
    if status == 'known' then status = 'updated' end
  end
end
return status
