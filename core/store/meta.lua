-- Changes under the tag `meta`. ARGV: operation, expected fence, intent id, then what the operation needs.
-- Each gives 'fence' and does nothing when a forget has passed since the caller looked.
local operation, intent = ARGV[1], ARGV[3]
if fence_moved(ARGV[2]) then return 'fence' end

if operation == 'intend' then -- bytes: remember what is about to be done across tags
  call('DEL', P .. 'none') -- a removal comes first: a server that is full still lets images be forgotten
  call('HSET', P .. 'intents', intent, ARGV[4])
  return 'intended'

elseif operation == 'done' then
  return call('HDEL', P .. 'intents', intent)

elseif operation == 'judge' then
  -- seed, then four for each pair: a, b, '1' if the verdict joins, confidence. Only for an intent that still stands, so that a late
  -- repetition changes nothing. Ends the intent. Gives for each pair joined, apart, vetoed, or stored (it does not join).
  if call('HDEL', P .. 'intents', intent) == 0 then return 'gone' end
  seed = ARGV[4]
  local answers = {}
  for at = 5, #ARGV, 4 do
    local a, b, joins, confidence = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    local said = call('HGET', P .. 'confirmed:' .. a, b)
    if said then joins, confidence = said, '1.0' end -- a person has said more than any score can
    if joins == '1' then
      answers[#answers + 1] = join(a, b, confidence)
    elseif said then
      answers[#answers + 1] = 'stored'
    else
      cut(a, b)
      answers[#answers + 1] = call('SISMEMBER', P .. 'vetoes:' .. a, b) == 1 and 'vetoed' or 'stored'
    end
  end
  return answers

elseif operation == 'confirm' then -- seed, a, b, '1' if it joins, confidence: the person's word and the union; ends the intent
  if call('HDEL', P .. 'intents', intent) == 0 then return 'gone' end
  if not ARGV[5] then return {} end -- one of the two was forgotten
  local a, b, joins = ARGV[5], ARGV[6], ARGV[7]
  seed = ARGV[4]
  if call('SISMEMBER', P .. 'vetoes:' .. a, b) == 1 then return {'vetoed'} end
  call('HSET', P .. 'confirmed:' .. a, b, joins)
  call('HSET', P .. 'confirmed:' .. b, a, joins)
  if joins == '1' then return {join(a, b, '1.0')} end
  cut(a, b)
  return {'stored'}

elseif operation == 'veto' then -- bytes, seed, a, b: the person's word, the cut and the intent to clean both sides, all at once
  local a, b = ARGV[6], ARGV[7]
  seed = ARGV[5]
  call('HSET', P .. 'intents', intent, ARGV[4])
  call('SADD', P .. 'vetoes:' .. a, b)
  call('SADD', P .. 'vetoes:' .. b, a)
  call('HDEL', P .. 'confirmed:' .. a, b)
  call('HDEL', P .. 'confirmed:' .. b, a)
  local connected = remove_edge(a, b)
  local cluster = cluster_of(a)
  if cluster and (connected or cluster == cluster_of(b)) then
    if cluster == cluster_of(b) then return regroup(cluster, a, b) end
    return regroup(cluster)
  end
  return {}

elseif operation == 'forget' then -- seed, id: everything here that names the image; gives the images that lost a connection
  local id = ARGV[5]
  seed = ARGV[4]
  call('SREM', P .. 'relink', id)
  call('HDEL', P .. 'hubs', id)
  for _, other in ipairs(call('SMEMBERS', P .. 'vetoes:' .. id)) do call('SREM', P .. 'vetoes:' .. other, id) end
  for _, other in ipairs(call('HKEYS', P .. 'edges:' .. id)) do call('HDEL', P .. 'edges:' .. other, id) end
  for _, other in ipairs(call('HKEYS', P .. 'confirmed:' .. id)) do call('HDEL', P .. 'confirmed:' .. other, id) end
  call('DEL', P .. 'vetoes:' .. id, P .. 'edges:' .. id, P .. 'confirmed:' .. id)
  local cluster = cluster_of(id)
  if not cluster then return {} end
  call('HDEL', P .. 'cluster-of', id)
  call('SREM', P .. 'members:' .. cluster, id)
  local moved = regroup(cluster)
  for _, member in ipairs(moved) do call('SADD', P .. 'relink', member) end
  return moved
end
return redis.error_reply('unknown operation')
