-- Shared by the scripts that change the columns of one shard. Takes ARGV[1], the rows in a chunk, away from the scripts' own arguments.
-- Keys: head, rows:<gen>:<chunk>, words:<gen>:<chunk>, tombs:<gen>
local CHUNK = tonumber(table.remove(ARGV, 1))

local function generation()
  return call('HGET', P .. 'head', 'generation') or '0'
end

-- The time of the latest change of the columns: tells a reader that a server came back without its last second.
local function stamp()
  local now = call('TIME')
  call('HSET', P .. 'head', 'stamp', now[1] .. '.' .. now[2])
end

-- Words of a row: u16 little-endian at offset 66. `at` is the row's offset in `rows`.
local function word_count(rows, at)
  local low, high = string.byte(rows, at + 67, at + 68)
  return low + 256 * high
end

-- Append a row and its words, and tell the image its row's number.
local function append_row(image, row, words)
  local gen = generation()
  local number = tonumber(call('HGET', P .. 'head', 'rows') or '0')
  local chunk = gen .. ':' .. math.floor(number / CHUNK)
  call('HSET', image, 'row:' .. gen, number)
  local size = call('APPEND', P .. 'rows:' .. chunk, row)
  if #words > 0 then call('APPEND', P .. 'words:' .. chunk, words) end
  call('HINCRBY', P .. 'head', 'rows', 1)
  stamp()
  if size == ROW * CHUNK then -- full for good: writing it anew frees the slack that appending left
    for _, kind in ipairs({'rows:', 'words:'}) do
      local full = call('GET', P .. kind .. chunk)
      if full then call('SET', P .. kind .. chunk, full) end
    end
  end
end

-- Where an image's row lies: {generation, number, field that counts the dead}; two rows once a compaction has copied it.
local function rows_of(image)
  local found, next = {}, call('HGET', P .. 'head', 'next')
  for _, place in ipairs({{generation(), 'dead'}, {next or '', 'next_dead'}}) do
    local number = call('HGET', image, 'row:' .. place[1])
    if number then found[#found + 1] = {place[1], tonumber(number), place[2]} end
  end
  return found
end

-- Mark a row dead and overwrite it and its words. Its word count stays: by it the words behind are found.
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

-- Fields of `where` and `pixels`: image ids of 64 characters each, without separators.
local function others_in(name, field, id)
  local ids, others = call('HGET', P .. name, field) or '', ''
  for at = 1, #ids, 64 do
    local other = string.sub(ids, at, at + 63)
    if other ~= id then others = others .. other end
  end
  return others
end

local function list_add(name, field, id)
  call('HSET', P .. name, field, others_in(name, field, id) .. id)
end

local function list_remove(name, field, id)
  local others = others_in(name, field, id)
  if others == '' then call('HDEL', P .. name, field) else call('HSET', P .. name, field, others) end
end
