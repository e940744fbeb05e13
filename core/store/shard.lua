-- Shared by the scripts that change the columns of one shard. Takes ARGV[1], the rows in a chunk, away from the scripts' own arguments.
-- Keys: head, rows:<gen>:<chunk>, words:<gen>:<chunk>, tombs:<gen>
local CHUNK = tonumber(table.remove(ARGV, 1))

local function generation() return string.format('%d', number('head', 'generation')) end

-- Tells a reader that a server came back without its last second.
local function stamp()
  local now = redis.call('TIME')
  call('HSET', 'head', 'stamp', now[1] .. '.' .. now[2])
end

-- Words of the row at this offset.
local function word_count(rows, at) return (struct.unpack('<H', rows, at + 67)) end

-- The chunk that the next row goes to, and the row's number. The chunk must end where the row belongs.
local function next_chunk(gen)
  local rows = number('head', 'rows')
  local chunk = gen .. ':' .. math.floor(rows / CHUNK)
  expect('string', 'rows:' .. chunk, 'words:' .. chunk, 'tombs:' .. gen)
  if call('STRLEN', 'rows:' .. chunk) ~= rows % CHUNK * ROW then broken('rows:' .. chunk, 'another length than head says') end
  return chunk, rows
end

-- Append a row and its words, and tell the image its row's number.
local function append_row(image, row, words)
  local gen = generation()
  local chunk, rows = next_chunk(gen)
  call('HSET', image, 'row:' .. gen, rows)
  local size = call('APPEND', 'rows:' .. chunk, row)
  if #words > 0 then call('APPEND', 'words:' .. chunk, words) end
  call('HINCRBY', 'head', 'rows', 1)
  stamp()
  if size == ROW * CHUNK then -- full for good: writing it anew frees the slack that appending left
    for _, kind in ipairs({'rows:', 'words:'}) do
      local full = call('GET', kind .. chunk)
      if full then call('SET', kind .. chunk, full) end
    end
  end
end

-- Where an image's row lies: {generation, number, field that counts the dead}; two rows once a compaction has copied it.
local function rows_of(image)
  local found, next = {}, call('HGET', 'head', 'next')
  for _, place in ipairs({{generation(), 'dead'}, {next or '', 'next_dead'}}) do
    local row = call('HGET', image, 'row:' .. place[1])
    if row then found[#found + 1] = {place[1], number(image, 'row:' .. place[1]), place[2]} end
  end
  return found
end

-- What stays of a forgotten image: nothing that it could be found by (FORMAT.md).
local function forgotten_mark(id) return redis.sha1hex('forgotten ' .. id) end

-- Mark a row of an image dead and overwrite it and its words. Its word count stays: by it the words behind are found. A row that is
-- another image's stays as it is; self-check finds what is wrong.
local function kill_row(id, gen, row, counter)
  local chunk, at = gen .. ':' .. math.floor(row / CHUNK), row % CHUNK
  local rows = call('GETRANGE', 'rows:' .. chunk, 0, (at + 1) * ROW - 1)
  local own = string.gsub(id, '%x%x', function(digits) return string.char(tonumber(digits, 16)) end)
  if string.sub(rows, at * ROW + 1, at * ROW + 32) ~= own or #rows < (at + 1) * ROW then return end
  local before = 0
  for i = 0, at - 1 do before = before + word_count(rows, i * ROW) end
  local count = word_count(rows, at * ROW)
  local blank = string.rep('\0', 66) .. string.sub(rows, at * ROW + 67, at * ROW + 68) .. string.rep('\0', ROW - 68)
  call('SETRANGE', 'rows:' .. chunk, at * ROW, blank)
  if count > 0 then call('SETRANGE', 'words:' .. chunk, before * WORD, string.rep('\0', count * WORD)) end
  call('APPEND', 'tombs:' .. gen, struct.pack('<I4', row))
  call('HINCRBY', 'head', counter, 1)
end

local function kill_rows(id, rows)
  for _, row in ipairs(rows) do kill_row(id, row[1], row[2], row[3]) end
  stamp()
end

-- An id list (FORMAT.md) without one id.
local function others_in(name, field, id)
  local ids, others = call('HGET', name, field) or '', ''
  for at = 1, #ids, 64 do
    local other = string.sub(ids, at, at + 63)
    if other ~= id then others = others .. other end
  end
  return others
end

local function list_add(name, field, id)
  call('HSET', name, field, others_in(name, field, id) .. id)
end

local function list_remove(name, field, id)
  local others = others_in(name, field, id)
  if others == '' then call('HDEL', name, field) else call('HSET', name, field, others) end
end
