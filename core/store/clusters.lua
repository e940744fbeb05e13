-- Clusters: sets of images that joining verdicts (edges) connect. KEYS[1] is the prefix of the tag `meta`, where all of it lies.
-- Holds after every script: two images are in one cluster if and only if a path of edges connects them; no vetoed pair is in one
-- cluster; a cluster has two members or more; an id once given is never given again.
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

local function remove_edge(a, b)
  call('HDEL', P .. 'edges:' .. b, a)
  return call('HDEL', P .. 'edges:' .. a, b) == 1
end

-- Is one of `few` vetoed against a member of the cluster (or, without one, against the lone image)?
local function forbidden(few, cluster, lone)
  for _, member in ipairs(few) do
    for _, other in ipairs(call('SMEMBERS', P .. 'vetoes:' .. member)) do
      if (cluster and cluster_of(other) == cluster) or other == lone then return true end
    end
  end
  return false
end

-- Join two images: the larger cluster keeps its id (of two equal ones the smaller id), the other's id becomes an alias.
-- Gives joined; vetoed; or apart, when the union would put some vetoed pair into one cluster.
local function join(a, b, confidence)
  if call('SISMEMBER', P .. 'vetoes:' .. a, b) == 1 then return 'vetoed' end
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
  call('HSET', P .. 'edges:' .. a, b, confidence)
  call('HSET', P .. 'edges:' .. b, a, confidence)
  return 'joined'
end

local function dissolve(cluster)
  for _, alias in ipairs(call('SMEMBERS', P .. 'aliases:' .. cluster)) do call('HDEL', P .. 'alias', alias) end
  call('DEL', P .. 'members:' .. cluster, P .. 'aliases:' .. cluster)
  call('SREM', P .. 'clusters', cluster)
end

-- Edges among the members as {a, b, confidence}, the surest first; ties by id, so that the outcome never depends on luck.
local function edges_among(members)
  local edges = {}
  for _, member in ipairs(members) do
    local found = call('HGETALL', P .. 'edges:' .. member)
    for at = 1, #found, 2 do
      if member < found[at] then edges[#edges + 1] = {member, found[at], tonumber(found[at + 1])} end
    end
  end
  table.sort(edges, function(x, y)
    if x[3] ~= y[3] then return x[3] > y[3] end
    if x[1] ~= y[1] then return x[1] < y[1] end
    return x[2] < y[2]
  end)
  return edges
end

-- Compute the parts of a cluster anew after an edge or a member went. With `left` and `right` (a vetoed pair) the parts grow edge
-- by edge, the surest first, and an edge that would connect the two is cut: each image stays with the side it is surer to belong to.
-- The largest part keeps the id (of equal ones the part with the smallest image id); the others get new ids; an image alone has no
-- cluster. Gives the images that are not where they were.
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
        remove_edge(edge[1], edge[2])
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

-- Take away the edge between two images, if there is one. Gives the images that are not where they were.
local function cut(a, b)
  if not remove_edge(a, b) then return {} end
  return regroup(cluster_of(a))
end
