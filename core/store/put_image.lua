-- Add an image, or note where a known one was seen: record, row, words and lookups appear together or not at all.
-- ARGV: id, unix seconds when it was seen, occurrence or '', collection or '', labels (JSON), '1' to queue it for linking if it is not linked,
-- then for a put: record, row, words, digest, '1' to renew the features. First-seen times only fall, last-seen times only rise.
-- Returns added, updated (something new about a known image), known, absent (a note about none), or forgetting (try again).
-- Keys: head, ids, forgetting, forgotten, where, pixels, img:<id>, occ:<id>, seen:<id>, mem:<id>, set:<collection>
local id, seen, occurrence, collection, labels = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local queue, record, row, words, digest, renew = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local image, status = 'img:' .. id, 'known'

if call('SISMEMBER', 'forgetting', id) == 1 then return 'forgetting' end
expect('hash', image, 'where', 'pixels', 'occ:' .. id, 'mem:' .. id)
expect('zset', 'ids', 'seen:' .. id, 'forgotten')
expect('set', 'set:' .. collection)
expect('stream', 'unlinked')
local first, last = number(image, 'first'), number(image, 'last')
number('head', 'occurrences')
local known = call('HMGET', image, 'digest', 'first')
local had = occurrence ~= '' and call('HGET', 'occ:' .. id, occurrence)
local had_first, had_labels = string.match(had or '0 {}', '^(%d+) (.*)$')
if not had_first then broken('occ:' .. id, 'no time and labels') end

if not known[1] then -- new; or its record was broken and self-check removed it, so that what else is known of it stays
  if not record then return 'absent' end
  next_chunk(generation())
  call('HSET', image, 'record', record, 'digest', digest)
  if not known[2] then
    call('HSET', image, 'first', seen, 'last', seen)
    first, last = tonumber(seen), tonumber(seen)
  else
    call('HDEL', image, 'linked') -- what was added while its record was gone did not find it
  end
  append_row(image, row, words)
  call('ZADD', 'ids', 0, id)
  call('ZREM', 'forgotten', forgotten_mark(id))
  list_add('pixels', digest, id)
  status = 'added'
else
  if renew == '1' then
    replace_features(id, record, row, words, digest)
    status = 'updated'
  end
end
if tonumber(seen) > last then call('HSET', image, 'last', seen) end
if tonumber(seen) < first then call('HSET', image, 'first', seen) end

if occurrence ~= '' then
  local given = collection == '' and labels or '{}'
  if not had then
    call('HSET', 'occ:' .. id, occurrence, seen .. ' ' .. given)
    call('HINCRBY', 'head', 'occurrences', 1)
    list_add('where', occurrence, id)
    if status == 'known' then status = 'updated' end
  else
    if given == '{}' then given = had_labels end
    if given ~= had_labels and status == 'known' then status = 'updated' end
    if tonumber(seen) < tonumber(had_first) then had_first = seen end
    if had_first .. ' ' .. given ~= had then call('HSET', 'occ:' .. id, occurrence, had_first .. ' ' .. given) end
  end
  call('ZADD', 'seen:' .. id, 'GT', seen, occurrence)
end

if collection ~= '' then
  local old = call('HGET', 'mem:' .. id, collection)
  if not old or (labels ~= '{}' and labels ~= old) then
    call('HSET', 'mem:' .. id, collection, labels)
    call('SADD', 'set:' .. collection, id)
    if status == 'known' then status = 'updated' end
  end
end
if queue == '1' then enqueue(id) end
return status
