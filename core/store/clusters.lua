-- Clusters: sets of images that edges connect. A pair is to be joined if a person called it the same, or else if a verdict joins it and
-- no person said otherwise; it is an edge unless it is blocked. Holds after every script: two images are in one cluster if and only if
-- a path of edges connects them; no pair that a person keeps apart is in one cluster; a pair is blocked only if its edge would bring
-- such a pair together; a cluster has two members or more; an id once given is never given again.
-- Keys: cluster-of, clusters, members:<cluster>, aliases:<cluster>, alias, joining:<id>, judged:<id>, blocked:<id>
local seed, given = '', 0
local function fresh_cluster()
  given = given + 1
  local cluster = 'c-' .. string.sub(redis.sha1hex(seed .. ':' .. given), 1, 32)
  call('SADD', 'clusters', cluster)
  return cluster
end

-- The cluster of an image, or the image itself where it is in none. The images there.
local function home_of(id) return call('HGET', 'cluster-of', id) or id end
local function images_at(home)
  local members = call('SMEMBERS', 'members:' .. home)
  return #members > 0 and members or {home}
end

local function place(cluster, id)
  call('HSET', 'cluster-of', id, cluster)
  call('SADD', 'members:' .. cluster, id)
end

local function remove(cluster)
  call('DEL', 'members:' .. cluster)
  call('DEL', 'aliases:' .. cluster)
  call('SREM', 'clusters', cluster)
end

-- Run a command on both sides of a pair, such as ('HDEL', 'blocked:', a, b).
local function on_both(command, kind, a, b, ...)
  call(command, kind .. a, b, ...)
  call(command, kind .. b, a, ...)
end

-- The word in a stored judgement, whose JSON begins at byte 21; the word about a pair, or false.
local KEEPS_APART = {different = true, ['same-design'] = true}
local function word_in(judgement) return string.match(judgement, '^{"judgement":"([%a-]+)"', 21) end
local function word_about(a, b)
  local judgement = call('HGET', 'judged:' .. a, b)
  return judgement and word_in(judgement)
end

local function leaves_to_score(word) return not word or word == 'unsure' end

local function is_to_be_joined(a, b)
  local word = word_about(a, b)
  return word == 'same' or (leaves_to_score(word) and call('HEXISTS', 'joining:' .. a, b) == 1)
end

-- Does a person's word keep one of these images apart from one at this home?
local function forbidden(images, home)
  for _, image in ipairs(images) do
    local judged = call('HGETALL', 'judged:' .. image)
    for at = 1, #judged, 2 do
      if KEEPS_APART[word_in(judged[at + 1])] and home_of(judged[at]) == home then return true end
    end
  end
  return false
end

-- Join two images: the larger cluster keeps its id (of two equal ones the smaller id), the other's id becomes an alias.
-- Returns joined; or apart where a person's word forbids the union: then the pair is blocked.
local function join(a, b)
  local large, small = home_of(a), home_of(b)
  if large ~= small then
    local larger = call('SCARD', 'members:' .. small) - call('SCARD', 'members:' .. large)
    if larger > 0 or (larger == 0 and small < large) then large, small = small, large end
    local images = images_at(small)
    if forbidden(images, large) then
      on_both('HSET', 'blocked:', a, b, 1)
      return 'apart'
    end
    if images_at(large)[1] == large then -- an image alone
      local cluster = fresh_cluster()
      place(cluster, large)
      large = cluster
    end
    for _, image in ipairs(images) do place(large, image) end
    if images[1] ~= small then
      local old = call('SMEMBERS', 'aliases:' .. small)
      old[#old + 1] = small
      for _, alias in ipairs(old) do
        call('HSET', 'alias', alias, large)
        call('SADD', 'aliases:' .. large, alias)
      end
      remove(small)
    end
  end
  on_both('HDEL', 'blocked:', a, b)
  return 'joined'
end

-- The edges at these images, or the blocked pairs, as {a, b, confidence}: the surest first, ties by id, so that nothing depends on luck.
-- A pair of two of these images comes twice.
local function pairs_at(images, blocked)
  local found = {}
  for _, image in ipairs(images) do
    local is_blocked, words = {}, {}
    for _, other in ipairs(call('HKEYS', 'blocked:' .. image)) do is_blocked[other] = true end
    local function add(other, confidence)
      if (is_blocked[other] or false) == blocked then
        found[#found + 1] = image < other and {image, other, confidence} or {other, image, confidence}
      end
    end
    local judged, scores = call('HGETALL', 'judged:' .. image), call('HGETALL', 'joining:' .. image)
    for at = 1, #judged, 2 do
      words[judged[at]] = word_in(judged[at + 1])
      if words[judged[at]] == 'same' then add(judged[at], 1) end
    end
    for at = 1, #scores, 2 do
      if leaves_to_score(words[scores[at]]) then add(scores[at], tonumber(scores[at + 1]) or 0) end
    end
  end
  table.sort(found, function(x, y)
    if x[3] ~= y[3] then return x[3] > y[3] end
    if x[1] ~= y[1] then return x[1] < y[1] end
    return x[2] < y[2]
  end)
  return found
end

-- Join what can be joined of the blocked pairs at these images, the surest first.
local function rejoin(images)
  for _, pair in ipairs(pairs_at(images, true)) do join(pair[1], pair[2]) end
end

-- Compute the parts of a cluster anew after an edge or a member went. With `left` and `right` (a pair to keep apart) the parts grow
-- edge by edge, the surest first, and an edge that would connect the two is blocked. The largest part keeps the id (of equal ones the
-- one with the smallest image id), the others get new ids, an image alone has none. Then what this frees is joined. Returns who moved.
local function regroup(cluster, left, right)
  local members = call('SMEMBERS', 'members:' .. cluster)
  local parent = {}
  for _, member in ipairs(members) do parent[member] = member end
  local function root(id)
    while parent[id] ~= id do
      parent[id] = parent[parent[id]]
      id = parent[id]
    end
    return id
  end
  for _, edge in ipairs(pairs_at(members, false)) do
    local a, b = root(edge[1]), root(edge[2])
    if a ~= b then
      local function is_end(id) return id and (root(id) == a or root(id) == b) end
      if is_end(left) and is_end(right) then
        on_both('HSET', 'blocked:', edge[1], edge[2], 1)
      else
        parent[a] = b
      end
    end
  end

  local parts, by_root = {}, {}
  table.sort(members)
  for _, member in ipairs(members) do -- sorted, so a part's first member is its smallest, and parts come in that order
    local r = root(member)
    if not by_root[r] then
      by_root[r] = {}
      parts[#parts + 1] = by_root[r]
    end
    table.insert(by_root[r], member)
  end
  local keeper = parts[1]
  for _, part in ipairs(parts) do
    if #part > #keeper then keeper = part end
  end

  local moved = {}
  for _, part in ipairs(parts) do
    if part ~= keeper or #part == 1 then
      local home = part ~= keeper and #part > 1 and fresh_cluster()
      for _, member in ipairs(part) do
        call('SREM', 'members:' .. cluster, member)
        if home then place(home, member) else call('HDEL', 'cluster-of', member) end
        moved[#moved + 1] = member
      end
    end
  end
  if not keeper or #keeper == 1 then
    for _, alias in ipairs(call('SMEMBERS', 'aliases:' .. cluster)) do call('HDEL', 'alias', alias) end
    remove(cluster)
  end
  rejoin(members)
  return moved
end

-- Change what is known of a pair by `write`, and make it an edge or no edge accordingly. Returns its RecordOutcome (clusters.py).
local function change(a, b, write)
  local was_edge = is_to_be_joined(a, b) and call('HEXISTS', 'blocked:' .. a, b) == 0
  write()
  if is_to_be_joined(a, b) then return join(a, b) end
  on_both('HDEL', 'blocked:', a, b)
  local home, apart = home_of(a), KEEPS_APART[word_about(a, b)]
  if was_edge or (apart and home == home_of(b)) then regroup(home, apart and a, apart and b) end
  return apart and 'vetoed' or 'stored'
end
