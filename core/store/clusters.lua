-- Clusters: sets of images that edges connect. An edge is a joining verdict or the word `same` of a person, which counts as 1.0.
-- KEYS[1] is the prefix of the tag `meta`, where all of it lies.
-- Holds after every script: two images are in one cluster if and only if a path of edges connects them; no pair that a person's word
-- keeps apart is in one cluster; a cluster has two members or more; an id once given is never given again. A joining score that is
-- no edge, because of what a person said of this pair or of others, is set aside until nothing speaks against it.
local P, call = KEYS[1], redis.call

local function fence_moved(expected)
  return (call('HGET', P .. 'head', 'fence') or '0') ~= expected
end

local seed, given = '', 0
local function fresh_cluster()
  given = given + 1
  local cluster = 'c-' .. string.sub(redis.sha1hex(seed .. ':' .. given), 1, 32)
  call('SADD', P .. 'clusters', cluster)
  return cluster
end

local function cluster_of(id)
  return call('HGET', P .. 'cluster-of', id)
end

local function place(cluster, id)
  call('HSET', P .. 'cluster-of', id, cluster)
  call('SADD', P .. 'members:' .. cluster, id)
end

-- Write (or with false remove) the confidence of a pair on both sides of `edges:` or `aside:`.
local function set_pair(kind, a, b, confidence)
  if not confidence then
    call('HDEL', P .. kind .. b, a)
    call('HDEL', P .. kind .. a, b)
  else
    call('HSET', P .. kind .. a, b, confidence)
    call('HSET', P .. kind .. b, a, confidence)
  end
end

-- The word of a person in a stored judgement, whose JSON begins at byte 21; the word about a pair, or false.
local KEEPS_APART = {different = true, ['same-design'] = true}
local function word_in(judgement) return string.match(judgement, '^{"judgement":"([%a-]+)"', 21) end
local function word_about(a, b)
  local judgement = call('HGET', P .. 'judged:' .. a, b)
  return judgement and word_in(judgement)
end

-- Confidence of the joining score of a pair, or false. The edge of a pair that a person called the same is not the score's.
local function score_of(a, b)
  return word_about(a, b) ~= 'same' and call('HGET', P .. 'edges:' .. a, b) or call('HGET', P .. 'aside:' .. a, b)
end

-- Does a person's word keep one of `few` apart from a member of the cluster (or, without one, from the lone image)?
local function forbidden(few, cluster, lone)
  for _, member in ipairs(few) do
    local judged = call('HGETALL', P .. 'judged:' .. member)
    for at = 1, #judged, 2 do
      local other = judged[at]
      if KEEPS_APART[word_in(judged[at + 1])] and ((cluster and cluster_of(other) == cluster) or other == lone) then return true end
    end
  end
  return false
end

-- Join two images: the larger cluster keeps its id (of two equal ones the smaller id), the other's id becomes an alias.
-- Returns joined; or apart, when the union would put a pair into one cluster that a person's word keeps apart.
local function join(a, b, confidence)
  local large, small = cluster_of(a), cluster_of(b)
  if not large or large ~= small then
    local lone_large, lone_small = a, b
    local size = function(cluster) return cluster and call('SCARD', P .. 'members:' .. cluster) or 1 end
    local more = size(small) - size(large)
    if more > 0 or (more == 0 and small and small < large) then
      large, small, lone_large, lone_small = small, large, lone_small, lone_large
    end
    local few = small and call('SMEMBERS', P .. 'members:' .. small) or {lone_small}
    if forbidden(few, large, lone_large) then return 'apart' end
    if not large then
      large = fresh_cluster()
      place(large, lone_large)
    end
    for _, member in ipairs(few) do place(large, member) end
    if small then
      local old = call('SMEMBERS', P .. 'aliases:' .. small)
      old[#old + 1] = small
      for _, alias in ipairs(old) do
        call('HSET', P .. 'alias', alias, large)
        call('SADD', P .. 'aliases:' .. large, alias)
      end
      call('DEL', P .. 'members:' .. small, P .. 'aliases:' .. small)
      call('SREM', P .. 'clusters', small)
    end
  end
  set_pair('edges:', a, b, confidence)
  return 'joined'
end

local function dissolve(cluster)
  for _, alias in ipairs(call('SMEMBERS', P .. 'aliases:' .. cluster)) do call('HDEL', P .. 'alias', alias) end
  call('DEL', P .. 'members:' .. cluster, P .. 'aliases:' .. cluster)
  call('SREM', P .. 'clusters', cluster)
end

-- Sort pairs {a, b, confidence} the surest first; ties by id, so that the outcome never depends on luck.
local function sort_surest_first(pairs)
  table.sort(pairs, function(x, y)
    if x[3] ~= y[3] then return x[3] > y[3] end
    if x[1] ~= y[1] then return x[1] < y[1] end
    return x[2] < y[2]
  end)
end

-- Edges among the members, the surest first.
local function edges_among(members)
  local edges = {}
  for _, member in ipairs(members) do
    local found = call('HGETALL', P .. 'edges:' .. member)
    for at = 1, #found, 2 do
      if member < found[at] then edges[#edges + 1] = {member, found[at], tonumber(found[at + 1])} end
    end
  end
  sort_surest_first(edges)
  return edges
end

-- Compute the parts of a cluster anew after an edge or a member went. With `left` and `right` (a pair to keep apart) the parts grow
-- edge by edge, the surest first, and an edge that would connect the two is cut, its score set aside: each image stays with the side
-- it is surer to belong to. The largest part keeps the id (of equal ones the part with the smallest image id); the others get new
-- ids; an image alone has no cluster. Returns the images that are not where they were.
local function regroup(cluster, left, right)
  local members = call('SMEMBERS', P .. 'members:' .. cluster)
  local parent = {}
  for _, member in ipairs(members) do parent[member] = member end
  local function root(id)
    while parent[id] ~= id do
      parent[id] = parent[parent[id]]
      id = parent[id]
    end
    return id
  end
  for _, edge in ipairs(edges_among(members)) do
    local a, b = root(edge[1]), root(edge[2])
    if a ~= b then
      local l, r = left and root(left), right and root(right)
      if left and ((a == l and b == r) or (a == r and b == l)) then
        local score = score_of(edge[1], edge[2])
        set_pair('edges:', edge[1], edge[2], false)
        set_pair('aside:', edge[1], edge[2], score)
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
        call('SREM', P .. 'members:' .. cluster, member)
        if home then place(home, member) else call('HDEL', P .. 'cluster-of', member) end
        moved[#moved + 1] = member
      end
    end
  end
  if not keeper or #keeper == 1 then dissolve(cluster) end
  return moved
end

local settle

-- Join again, the surest first, what a person's word kept apart until now: edges at these images that do not stand.
local function rejoin(images)
  local waiting = {}
  local function add(a, b, confidence) waiting[#waiting + 1] = a < b and {a, b, confidence} or {b, a, confidence} end
  for _, image in ipairs(images) do
    local scores, judged = call('HGETALL', P .. 'aside:' .. image), call('HGETALL', P .. 'judged:' .. image)
    for at = 1, #scores, 2 do add(image, scores[at], tonumber(scores[at + 1])) end
    for at = 1, #judged, 2 do
      if word_in(judged[at + 1]) == 'same' then add(image, judged[at], 1) end
    end
  end
  sort_surest_first(waiting)
  for _, pair in ipairs(waiting) do settle(pair[1], pair[2], score_of(pair[1], pair[2])) end
end

-- Bring the edge of a pair in line with what a person said of it, else with its score (the confidence of a joining verdict, or
-- false). Returns joined, apart, vetoed, or stored (nothing joins the two).
function settle(a, b, score)
  local word = word_about(a, b)
  local heeded = not word or word == 'unsure'
  local confidence = heeded and score or (word == 'same' and '1.0')
  if confidence then
    local outcome = join(a, b, confidence)
    set_pair('aside:', a, b, not (heeded and outcome == 'joined') and score)
    return outcome
  end
  set_pair('aside:', a, b, score)
  local cluster, apart = cluster_of(a), KEEPS_APART[word]
  if call('HEXISTS', P .. 'edges:' .. a, b) == 1 or (apart and cluster and cluster == cluster_of(b)) then
    local members = call('SMEMBERS', P .. 'members:' .. cluster)
    set_pair('edges:', a, b, false)
    regroup(cluster, apart and a, apart and b)
    rejoin(members)
  end
  return apart and 'vetoed' or 'stored'
end
