-- Changes under the tag `meta`. ARGV: operation, expected fence, intent id or '', then what the operation needs.
-- Each returns 'fence' and does nothing when a forget has passed since the caller looked.
local operation, intent = ARGV[1], ARGV[3]
if fence_moved(ARGV[2]) then return 'fence' end

if operation == 'intend' then -- bytes: remember what is about to be done across tags
  call('DEL', P .. 'none') -- a removal comes first: a server that is full still lets images be forgotten
  call('HSET', P .. 'intents', intent, ARGV[4])
  return 'intended'
end

seed = ARGV[4]
if operation == 'score' then
  -- seed, then four for each pair: a, b, '1' if the verdict joins, confidence. Only for an intent that still stands, so that a late
  -- repetition changes nothing. Ends the intent. Returns for each pair joined, apart, vetoed, or stored (nothing joins the two).
  if call('HDEL', P .. 'intents', intent) == 0 then return 'gone' end
  local answers = {}
  for at = 5, #ARGV, 4 do
    answers[#answers + 1] = settle(ARGV[at], ARGV[at + 1], ARGV[at + 2] == '1' and ARGV[at + 3])
  end
  return answers

elseif operation == 'judge' then -- seed, a, b, a person's judgement for the side of a, for that of b. Refused: a veto stands.
  local a, b, word, before = ARGV[5], ARGV[6], word_in(ARGV[7]), word_about(ARGV[5], ARGV[6])
  if KEEPS_APART[before] and not KEEPS_APART[word] then return 'refused' end
  local score = score_of(a, b)
  call('HSET', P .. 'judged:' .. a, b, ARGV[7])
  call('HSET', P .. 'judged:' .. b, a, ARGV[8])
  return settle(a, b, score)

elseif operation == 'undo' then -- seed, a, b, the judgement that is to be taken back, as it lies on the side of a
  local a, b = ARGV[5], ARGV[6]
  local found = call('HGET', P .. 'judged:' .. a, b)
  if not found then return 'undone' end
  if found ~= ARGV[7] then return 'changed' end
  local score, freed = score_of(a, b), {}
  for _, id in ipairs({a, b}) do
    local cluster = cluster_of(id)
    for _, member in ipairs(cluster and call('SMEMBERS', P .. 'members:' .. cluster) or {id}) do freed[#freed + 1] = member end
  end
  call('HDEL', P .. 'judged:' .. a, b)
  call('HDEL', P .. 'judged:' .. b, a)
  settle(a, b, score)
  rejoin(freed)
  return 'undone'

elseif operation == 'forget' then -- seed, id: everything here that names the image; returns the images that lost a connection
  local id = ARGV[5]
  call('SREM', P .. 'relink', id)
  call('HDEL', P .. 'hubs', id)
  for _, kind in ipairs({'judged:', 'edges:', 'aside:'}) do
    for _, other in ipairs(call('HKEYS', P .. kind .. id)) do call('HDEL', P .. kind .. other, id) end
    call('DEL', P .. kind .. id)
  end
  local cluster = cluster_of(id)
  if not cluster then return {} end
  call('HDEL', P .. 'cluster-of', id)
  call('SREM', P .. 'members:' .. cluster, id)
  local members = call('SMEMBERS', P .. 'members:' .. cluster)
  local moved = regroup(cluster)
  rejoin(members)
  for _, member in ipairs(moved) do call('SADD', P .. 'relink', member) end
  return moved
end
return redis.error_reply('unknown operation')
