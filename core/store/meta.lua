-- Changes under the tag `meta`. ARGV: operation, expected fence, intent id or '', then what the operation needs.
-- Each returns 'fence' and does nothing when a forget has passed since the caller looked.
-- Keys: head, intents, none (never there), relink, hubs, cluster-of, members:<cluster>, representatives:, kept:, joining:<id>, judged:, blocked:
local operation, intent = ARGV[1], ARGV[3]
if fence_moved(ARGV[2]) then return 'fence' end
seed = ARGV[4]
expect('hash', 'head', 'intents', 'hubs')
expect('set', 'relink')

-- The checksum of a note about a common region: 16 digits before its text (common_regions.py).
local function checksum(name, text) return string.sub(redis.sha1hex(name .. ' ' .. text), 1, 16) end

-- Take an image out of all notes. A note that is broken anyhow goes with it.
local function forget_in_notes(id)
  local before = call('HLEN', 'hubs')
  call('HDEL', 'hubs', id)
  for _, name in ipairs(call('HKEYS', 'hubs')) do
    local value = call('HGET', 'hubs', name)
    local text = string.sub(value, 17)
    local left, found = string.gsub(text, id, '')
    if found > 0 and string.sub(value, 1, 16) ~= checksum(name, text) then
      call('HDEL', 'hubs', name)
    elseif found > 0 then
      call('HSET', 'hubs', name, checksum(name, left) .. left)
    end
  end
  local removed = before - call('HLEN', 'hubs')
  if removed > 0 then call('HSET', 'head', 'count:hubs', math.max(number('head', 'count:hubs') - removed, 0)) end
end

if operation == 'intend' then -- bytes: remember what is about to be done across tags
  call('DEL', 'none') -- a removal comes first: a server that is full still lets images be forgotten
  call('HSET', 'intents', intent, ARGV[4])
  return 'intended'

elseif operation == 'score' then
  -- seed, then four for each pair, the surest first: a, b, '1' if the verdict joins, confidence. All are written before the first is
  -- settled. Only for an intent that still stands, so that a late repetition changes nothing. Ends the intent. Returns their outcomes.
  local answers, before, images = {}, {}, {}
  for at = 5, #ARGV, 4 do
    images[#images + 1], images[#images + 2] = ARGV[at], ARGV[at + 1]
  end
  expect_writable(images)
  if call('HDEL', 'intents', intent) == 0 then return 'gone' end
  for at = 5, #ARGV, 4 do
    local a, b = ARGV[at], ARGV[at + 1]
    before[at] = state_of(a, b)
    if ARGV[at + 2] == '1' then on_both('HSET', 'joining:', a, b, ARGV[at + 3]) else on_both('HDEL', 'joining:', a, b) end
  end
  for at = 5, #ARGV, 4 do answers[#answers + 1] = settle(ARGV[at], ARGV[at + 1], before[at]) end
  return answers

elseif operation == 'judge' then -- seed, a, b, a person's judgement for the side of a, for that of b. Refused: another keeps them apart.
  local a, b = ARGV[5], ARGV[6]
  expect_writable({a, b})
  if KEEPS_APART[word_about(a, b)] and not KEEPS_APART[word_in(ARGV[7])] then return 'refused' end
  return change(a, b, function()
    call('HSET', 'judged:' .. a, b, ARGV[7])
    call('HSET', 'judged:' .. b, a, ARGV[8])
  end)

elseif operation == 'undo' then -- seed, a, b, the judgement that is to be taken back, as it lies on the side of a
  local a, b = ARGV[5], ARGV[6]
  expect_writable({a, b})
  local found = call('HGET', 'judged:' .. a, b)
  if found and found ~= ARGV[7] then return 'changed' end
  change(a, b, function() on_both('HDEL', 'judged:', a, b) end)
  rejoin(images_at(home_of(a))) -- what this word blocked has an end there
  return 'undone'

elseif operation == 'settle' then -- seed, a, b, '1' and a confidence, '0' or '': join or part a pair as its verdict says, or as it is
  local a, b = ARGV[5], ARGV[6]
  return change(a, b, function()
    if ARGV[7] == '1' then on_both('HSET', 'joining:', a, b, ARGV[8]) elseif ARGV[7] == '0' then on_both('HDEL', 'joining:', a, b) end
  end)

elseif operation == 'rejudge' then -- seed, a, b, the judgement for the side of a and of b, or '': as it should be on both sides
  local a, b = ARGV[5], ARGV[6]
  change(a, b, function()
    for _, side in ipairs({{a, b, ARGV[7]}, {b, a, ARGV[8]}}) do
      if side[3] == '' then call('HDEL', 'judged:' .. side[1], side[2]) else call('HSET', 'judged:' .. side[1], side[2], side[3]) end
    end
  end)
  rejoin(images_at(home_of(a)))
  return 'stored'

elseif operation == 'home' then -- seed, '1' or '0', images: those in no cluster get one of their own; '0': blank ones alone leave theirs
  local images, homes = {unpack(ARGV, 6)}, {}
  expect_writable(images)
  if ARGV[5] == '1' then give(images) end
  for at, id in ipairs(images) do
    local home = call('HGET', 'cluster-of', id)
    if home and ARGV[5] == '0' and call('SCARD', 'members:' .. home) == 1 then
      call('HDEL', 'cluster-of', id)
      dissolve(home)
      home = false
    end
    homes[at] = home or ''
  end
  return homes

elseif operation == 'regroup' then -- seed, cluster, images: they are in this cluster as far as edges connect them
  local cluster = ARGV[5]
  for at = 6, #ARGV do place(cluster, {ARGV[at]}) end
  regroup(cluster)
  return 'stored'

elseif operation == 'forget' then -- seed, id: everything here that names the image; returns the images that lost a connection
  local id = ARGV[5]
  expect_writable({id})
  call('SREM', 'relink', id)
  forget_in_notes(id)
  for _, other in ipairs(call('HKEYS', 'blocked:' .. id)) do unblock(id, other) end
  for _, kind in ipairs({'judged:', 'joining:'}) do
    for _, other in ipairs(call('HKEYS', kind .. id)) do call('HDEL', kind .. other, id) end
    call('DEL', kind .. id)
  end
  local cluster = home_of(id)
  if cluster == id then return {} end
  call('HDEL', 'cluster-of', id)
  for _, kind in ipairs({'members:', 'representatives:', 'kept:'}) do call('SREM', kind .. cluster, id) end
  local moved = regroup(cluster)
  for _, member in ipairs(moved) do call('SADD', 'relink', member) end
  return moved
end
return redis.error_reply('unknown operation')
