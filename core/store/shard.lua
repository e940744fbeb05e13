-- Shared by the scripts that change one shard. KEYS[1] is the prefix of the shard's tag.
local P, call = KEYS[1], redis.call

local function fence_moved(expected)
  return (call('HGET', P .. 'head', 'fence') or '0') ~= expected
end

local function generation()
  return call('HGET', P .. 'head', 'generation') or '0'
end

-- A mark of the latest change of the columns, never twice the same: tells a reader that a server came back without its last second.
local function stamp()
  local now = call('TIME')
  call('HSET', P .. 'head', 'stamp', now[1] .. '.' .. now[2])
end

-- Words of a row: u16 little-endian at offset 66. `at` is the row's offset in `rows`.
local function word_count(rows, at)
  local low, high = string.byte(rows, at + 67, at + 68)
  return low + 256 * high
end

-- Append a row and its words; both or neither, as the script is atomic. The image learns its row's number.
local function append_row(image, row, words)
  local gen = generation()
  local number = tonumber(call('HGET', P .. 'head', 'rows') or '0')
  local chunk = gen .. ':' .. math.floor(number / CHUNK)
  call('HSET', image, 'row:' .. gen, number)
  local size = call('APPEND', P .. 'rows:' .. chunk, row)
  if #words > 0 then call('APPEND', P .. 'words:' .. chunk, words) end
  call('HINCRBY', P .. 'head', 'rows', 1)
  stamp()
  if size == ROW * CHUNK then -- full for good: written anew, the slack that appending leaves behind it is given back
    for _, kind in ipairs({'rows:', 'words:'}) do
      local full = call('GET', P .. kind .. chunk)
      if full then call('SET', P .. kind .. chunk, full) end
    end
  end
end

-- Where an image's row lies: {generation, number, field that counts the dead}, twice while a compaction has copied it already.
local function rows_of(image)
  local found, next = {}, call('HGET', P .. 'head', 'next')
  for _, place in ipairs({{generation(), 'dead'}, {next or '', 'next_dead'}}) do
    local number = call('HGET', image, 'row:' .. place[1])
    if number then found[#found + 1] = {place[1], tonumber(number), place[2]} end
  end
  return found
end

-- Mark a row dead and overwrite it and its words. Its word count stays, else the words behind it could not be told apart.
local function kill_row(gen, number, counter)
  local chunk, at = gen .. ':' .. math.floor(number / CHUNK), number % CHUNK
  local rows = call('GETRANGE', P .. 'rows:' .. chunk, 0, (at + 1) * ROW - 1)
  local before = 0
  for i = 0, at - 1 do before = before + word_count(rows, i * ROW) end
  local count = word_count(rows, at * ROW)
  local blank = string.rep('\0', 66) .. string.sub(rows, at * ROW + 67, at * ROW + 68) .. string.rep('\0', ROW - 68)
  call('SETRANGE', P .. 'rows:' .. chunk, at * ROW, blank)
  if count > 0 then call('SETRANGE', P .. 'words:' .. chunk, before * WORD, string.rep('\0', count * WORD)) end
  local u32 = string.char(number % 256, math.floor(number / 256) % 256, math.floor(number / 65536) % 256, math.floor(number / 16777216))
  call('APPEND', P .. 'tombs:' .. gen, u32)
  call('HINCRBY', P .. 'head', counter, 1)
end

local function kill_rows(rows)
  for _, row in ipairs(rows) do kill_row(row[1], row[2], row[3]) end
  stamp()
end

-- Hashes whose values are image ids of 64 characters each, one after the other.
local function list_add(name, field, id)
  local ids = call('HGET', P .. name, field) or ''
  for at = 1, #ids, 64 do
    if string.sub(ids, at, at + 63) == id then return end
  end
  call('HSET', P .. name, field, ids .. id)
end

local function list_remove(name, field, id)
  local ids, kept = call('HGET', P .. name, field) or '', {}
  for at = 1, #ids, 64 do
    local other = string.sub(ids, at, at + 63)
    if other ~= id then kept[#kept + 1] = other end
  end
  if #kept == 0 then call('HDEL', P .. name, field) else call('HSET', P .. name, field, table.concat(kept)) end
end
