-- Clusters: sets of one or more images that show one picture. Two images are *to be joined* if a person called them the same, or else if a verdict
-- joins them and no person said otherwise. That alone makes no cluster, or a row of pictures, each nearly the next, would join two
-- unrelated ones. A cluster has a *representative*, and an image joins where it is to be joined with that one. Two clusters unite, and a
-- cluster gets another representative, only where all their images are to be joined with one. A person's `same` unites regardless; the
-- cluster then has the representatives of both. Holds after every script:
-- two images that are to be joined are in one cluster, or the pair is blocked; a pair is blocked only if a person keeps other images of
-- the two clusters apart, or, unless a person called it the same, if no image could represent both (a chain);
-- each image of a cluster is a representative, or is to be joined with one, or is kept: it was to be joined with one that was forgotten;
-- no pair that a person keeps apart is in one cluster; an id once given is never given again.
-- An image gets a cluster when it is linked and has joined none (give), or when it leaves one; an image that was never linked has none.
-- A cluster of one is represented by its image: it has only members: and aliases:, and `clusters` has those of two images or more.
-- Keys: cluster-of, clusters, members:<cluster>, representatives:, kept:, aliases:, alias, chains, joining:<id>, judged:, blocked:
local seed, given = '', 0
local function fresh_cluster()
  given = given + 1
  return 'c-' .. string.sub(redis.sha1hex(seed .. ':' .. given), 1, 32)
end

-- Make sure that what a change of these images begins with can be written. What it may lead to, such as the images that join once
-- others part, is known too late: where that is broken, self-check finds what the script left.
local function expect_writable(images)
  expect('hash', 'cluster-of', 'alias')
  expect('set', 'clusters', 'chains')
  for _, id in ipairs(images) do
    expect('hash', 'judged:' .. id, 'joining:' .. id, 'blocked:' .. id)
    local home = call('HGET', 'cluster-of', id)
    if home then expect('set', 'members:' .. home, 'representatives:' .. home, 'kept:' .. home, 'aliases:' .. home) end
  end
end

-- The cluster of an image, or the image itself where it is in none. The images there, and those that represent them.
local function home_of(id) return call('HGET', 'cluster-of', id) or id end
local function images_at(home)
  local found = call('SMEMBERS', 'members:' .. home)
  return #found > 0 and found or {home}
end
local function representatives_at(home)
  local found = call('SMEMBERS', 'representatives:' .. home)
  return #found > 0 and found or images_at(home)
end

local function add_all(key, ids)
  for _, id in ipairs(ids) do call('SADD', key, id) end
end

local function place(cluster, ids)
  add_all('members:' .. cluster, ids)
  for _, id in ipairs(ids) do call('HSET', 'cluster-of', id, cluster) end
end

local function represent(cluster, ids)
  call('DEL', 'representatives:' .. cluster)
  add_all('representatives:' .. cluster, ids)
  call('SADD', 'clusters', cluster)
end

-- What a cluster of two or more has, and one of one does not.
local function reduce(cluster)
  for _, kind in ipairs({'representatives:', 'kept:'}) do call('DEL', kind .. cluster) end
  call('SREM', 'clusters', cluster)
end

local function remove(cluster)
  for _, kind in ipairs({'members:', 'aliases:'}) do call('DEL', kind .. cluster) end
  reduce(cluster)
end

-- Remove a cluster with its former ids.
local function dissolve(cluster)
  for _, alias in ipairs(call('SMEMBERS', 'aliases:' .. cluster)) do call('HDEL', 'alias', alias) end
  remove(cluster)
end

-- Give each of these images that is in no cluster one of its own.
local function give(ids)
  for _, id in ipairs(ids) do
    if home_of(id) == id then place(fresh_cluster(), {id}) end
  end
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

-- Why a pair is blocked: the value in blocked:<id>.
local WORD, CHAIN = '1', '2'
local function name_of_pair(a, b) return a < b and a .. ' ' .. b or b .. ' ' .. a end
local function block(a, b, why)
  on_both('HSET', 'blocked:', a, b, why)
  call(why == CHAIN and 'SADD' or 'SREM', 'chains', name_of_pair(a, b))
end
local function unblock(a, b)
  on_both('HDEL', 'blocked:', a, b)
  call('SREM', 'chains', name_of_pair(a, b))
end

-- Is each of these images a representative, or to be joined with one?
local function all_agree(images, representatives)
  for _, image in ipairs(images) do
    local agrees = false
    for _, one in ipairs(representatives) do
      agrees = agrees or image == one or is_to_be_joined(image, one)
    end
    if not agrees then return false end
  end
  return true
end

-- Who could represent both clusters after the pair a, b: those of the large one, those of the small one, or one of the pair; nil where
-- nobody can. `images` of the large one is a function, called only where there may be somebody: it may have thousands.
local function representatives_of_both(large, small, a, b)
  if all_agree(small.images(), large.representatives) then return large.representatives end
  for _, proposed in ipairs({small.representatives, {a}, {b}}) do
    local partners = #proposed
    for _, one in ipairs(proposed) do partners = partners + call('HLEN', 'joining:' .. one) + call('HLEN', 'judged:' .. one) end
    if partners >= large.size and all_agree(small.images(), proposed) and all_agree(large.images(), proposed) then return proposed end
  end
end

local function joined_lists(one, other)
  local found = {}
  for _, list in ipairs({one, other}) do
    for _, id in ipairs(list) do found[#found + 1] = id end
  end
  return found
end

local function cluster_at(home)
  return {
    size = call('SCARD', 'members:' .. home),
    representatives = representatives_at(home),
    images = function() return images_at(home) end,
  }
end

-- Join two images: the larger cluster keeps its id (of two equal ones the smaller id), the other's id becomes an alias.
-- Returns joined; apart where a person's word forbids the union, or chain where nobody could represent both: then the pair is blocked.
local rejoin
local function join(a, b)
  local large, small = home_of(a), home_of(b)
  if large ~= small then
    local larger = call('SCARD', 'members:' .. small) - call('SCARD', 'members:' .. large)
    if larger > 0 or (larger == 0 and small < large) then large, small = small, large end
    local images = images_at(small)
    if forbidden(images, large) then
      block(a, b, WORD)
      return 'apart'
    end
    local ours, theirs = cluster_at(large), cluster_at(small)
    local said = word_about(a, b) == 'same'
    local representatives = said and joined_lists(ours.representatives, theirs.representatives)
      or representatives_of_both(ours, theirs, a, b)
    if not representatives then
      block(a, b, CHAIN)
      return 'chain'
    end
    if ours.size == 0 then -- an image in no cluster
      local cluster = fresh_cluster()
      place(cluster, {large})
      large = cluster
    end
    place(large, images)
    represent(large, representatives)
    if said then
      add_all('kept:' .. large, call('SMEMBERS', 'kept:' .. small))
    elseif representatives ~= ours.representatives then
      call('DEL', 'kept:' .. large)
    end
    if theirs.size > 0 then
      local old = call('SMEMBERS', 'aliases:' .. small)
      old[#old + 1] = small
      for _, alias in ipairs(old) do
        call('HSET', 'alias', alias, large)
        call('SADD', 'aliases:' .. large, alias)
      end
      remove(small)
    end
    rejoin(representatives == ours.representatives and images or images_at(large)) -- others may agree with a new representative
  end
  unblock(a, b)
  rejoin({a, b}) -- either may represent more than before
  return 'joined'
end

local function comes_first(x, y)
  if x[3] ~= y[3] then return x[3] > y[3] end
  if x[1] ~= y[1] then return x[1] < y[1] end
  return x[2] < y[2]
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
  table.sort(found, comes_first)
  return found
end

-- Join what can be joined of the blocked pairs at these images, the surest first.
function rejoin(images)
  local waiting = {}
  for _, image in ipairs(images) do
    if call('HLEN', 'blocked:' .. image) > 0 then waiting[#waiting + 1] = image end
  end
  for _, pair in ipairs(pairs_at(waiting, true)) do join(pair[1], pair[2]) end
end

-- The image with most edges, of equal ones the first.
local function best_connected(images, edges)
  local count, best = {}, images[1]
  for _, edge in ipairs(edges) do
    for at = 1, 2 do count[edge[at]] = (count[edge[at]] or 0) + 1 end
  end
  for _, image in ipairs(images) do
    if (count[image] or 0) > (count[best] or 0) then best = image end
  end
  return {best}
end

-- Split a cluster into parts anew, after a member or what connected two members went. Parts grow edge by edge: those of a person first,
-- then those at the representatives (unless a pair is to be kept apart), then the surest; each as `join` would. If all representatives are gone, what is still connected
-- stays together, under the best connected. With `left` and `right` (a pair to keep apart) an edge that would connect the two is blocked.
-- The largest part keeps the id (of equal ones the one with the smallest image id), the others get new ids.
-- Then what this frees is joined, and who is in no cluster by then gets one. Returns who moved.
local function regroup(cluster, left, right)
  local members, parent, part_of, leads = call('SMEMBERS', 'members:' .. cluster), {}, {}, {}
  table.sort(members)
  for _, member in ipairs(members) do
    parent[member] = member
    local list = {member}
    part_of[member] = {size = 1, list = list, representatives = {member}, images = function() return list end}
  end
  local representatives = {}
  for _, one in ipairs(call('SMEMBERS', 'representatives:' .. cluster)) do
    leads[one] = parent[one] and true
    if leads[one] then representatives[#representatives + 1] = one end
  end
  local orphaned = #representatives == 0
  local function root(id)
    while parent[id] ~= id do
      parent[id] = parent[parent[id]]
      id = parent[id]
    end
    return id
  end
  local function is_kept_apart(a, b)
    local function is_end(id) return id and (root(id) == a or root(id) == b) end
    return is_end(left) and is_end(right)
  end
  local function unite(a, b, new)
    local large = part_of[a]
    for _, id in ipairs(part_of[b].list) do large.list[#large.list + 1] = id end
    large.size, large.representatives = #large.list, new
    parent[b], part_of[b] = a, nil
  end

  local edges = {}
  for _, edge in ipairs(pairs_at(members, false)) do -- one that is not settled yet may lead elsewhere
    if parent[edge[1]] and parent[edge[2]] then edges[#edges + 1] = edge end
  end
  for _, edge in ipairs(edges) do
    local said = edge[3] == 1 and word_about(edge[1], edge[2]) == 'same'
    edge.forced = said or orphaned
    edge.rank = said and 2 or not left and (leads[edge[1]] or leads[edge[2]]) and 1 or 0
  end
  for _, id in ipairs(call('SMEMBERS', 'kept:' .. cluster)) do
    if not orphaned and parent[id] and id ~= representatives[1] then
      edges[#edges + 1] = {representatives[1], id, 0, forced = true, rank = 1, is_kept = true}
    end
  end
  table.sort(edges, function(x, y)
    if x.rank ~= y.rank then return x.rank > y.rank end
    return comes_first(x, y)
  end)
  for _, edge in ipairs(edges) do
    local a, b = root(edge[1]), root(edge[2])
    if a ~= b then
      if part_of[a].size < part_of[b].size then a, b = b, a end
      local large, small = part_of[a], part_of[b]
      local new = edge.forced and joined_lists(large.representatives, small.representatives)
        or representatives_of_both(large, small, edge[1], edge[2])
      if is_kept_apart(a, b) then
        if not edge.is_kept then block(edge[1], edge[2], WORD) end
      elseif new then
        unite(a, b, new)
      else
        block(edge[1], edge[2], CHAIN)
      end
    end
  end

  local parts, by_root = {}, {}
  for _, member in ipairs(members) do -- sorted, so a part's first member is its smallest, and parts come in that order
    local r = root(member)
    if not by_root[r] then
      by_root[r] = {representatives = part_of[r].representatives}
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
    local home = part == keeper and cluster or #part > 1 and fresh_cluster()
    if part ~= keeper then
      for _, member in ipairs(part) do
        call('SREM', 'members:' .. cluster, member)
        call('HDEL', 'cluster-of', member)
      end
      if home then place(home, part) end
    end
    if part ~= keeper or #part == 1 then
      for _, member in ipairs(part) do moved[#moved + 1] = member end
    end
    if #part > 1 then
      represent(home, orphaned and best_connected(part, edges) or part.representatives)
      call('DEL', 'kept:' .. home)
      local leading = call('SMEMBERS', 'representatives:' .. home)
      for _, member in ipairs(part) do
        if not all_agree({member}, leading) then call('SADD', 'kept:' .. home, member) end
      end
    end
  end
  if not keeper then dissolve(cluster) elseif #keeper == 1 then reduce(cluster) end
  rejoin(members)
  give(moved)
  return moved
end

-- What a pair is before something about it changes.
local function state_of(a, b)
  return {edge = is_to_be_joined(a, b), word = word_about(a, b)}
end

-- Make a pair what it is now to be, `before` as it was. Returns its RecordOutcome (clusters.py).
local function settle(a, b, before)
  local joins, word, home = is_to_be_joined(a, b), word_about(a, b), home_of(a)
  local apart, together = KEEPS_APART[word], home == home_of(b)
  local taken_back = before.word == 'same' and word ~= 'same'
  if not joins then unblock(a, b) end
  if together and (apart or taken_back or (before.edge and not joins)) then
    local representatives = representatives_at(home)
    if apart or taken_back or #representatives > 1 or not all_agree({a, b}, representatives) then
      regroup(home, apart and a, apart and b)
    end
  end
  if joins then return join(a, b) end
  return apart and 'vetoed' or 'stored'
end

-- Change what is known of a pair by `write`, and settle it.
local function change(a, b, write)
  local before = state_of(a, b)
  write()
  return settle(a, b, before)
end
