-- One slice of rewriting the shard's columns without dead rows, under a new generation. ARGV: the old generation, most chunks to copy.
-- Slices keep the server free in between. Until the last, everybody reads and appends to the old generation, and a row that dies is
-- killed in both. The slice that copies the last chunk also makes the new generation the current one.
-- Returns 1 when nothing is left to do, else 0.
-- Keys: head, rows:<gen>:<chunk>, words:<gen>:<chunk>, tombs:<gen>, img:<id>
local old = generation()
if old ~= ARGV[1] or call('HEXISTS', 'head', 'rebuild') == 1 then return 1 end -- or self-check builds the columns anew
local new = string.format('%d', tonumber(old) + 1)
local past = 'row:' .. string.format('%d', tonumber(old) - 1)
local total, first, kept = number('head', 'rows'), number('head', 'next_chunk'), number('head', 'next_rows')
local head = call('HMGET', 'head', 'next_dead')
local chunks, dead_id, hex = math.ceil(total / CHUNK), string.rep('\0', 32), {}
for byte = 0, 255 do hex[string.char(byte)] = string.format('%02x', byte) end

local pending_rows, pending_words = {}, {}
local function flush(chunk)
  local words = table.concat(pending_words)
  if #pending_rows > 0 then call('APPEND', 'rows:' .. new .. ':' .. chunk, table.concat(pending_rows)) end
  if #words > 0 then call('APPEND', 'words:' .. new .. ':' .. chunk, words) end
  pending_rows, pending_words = {}, {}
end

local function copy(name)
  local rows, words, word_at = call('GET', 'rows:' .. name) or '', call('GET', 'words:' .. name) or '', 0
  if #rows ~= ROW * math.min(CHUNK, total - CHUNK * tonumber(string.match(name, '%d+$'))) then
    broken('rows:' .. name, 'another length than head says')
  end
  for at = 0, #rows - ROW, ROW do
    local size = word_count(rows, at) * WORD
    local id = string.sub(rows, at + 1, at + 32)
    if id ~= dead_id then
      local image = 'img:' .. string.gsub(id, '.', hex)
      call('HSET', image, 'row:' .. new, kept)
      call('HDEL', image, past)
      pending_rows[#pending_rows + 1] = string.sub(rows, at + 1, at + ROW)
      pending_words[#pending_words + 1] = string.sub(words, word_at + 1, word_at + size)
      kept = kept + 1
      if kept % CHUNK == 0 then flush(kept / CHUNK - 1) end
    end
    word_at = word_at + size
  end
  flush(math.floor(kept / CHUNK))
end

local last = math.min(first + tonumber(ARGV[2]), chunks)
for chunk = first, last - 1 do copy(old .. ':' .. chunk) end
if last < chunks then
  call('HSET', 'head', 'next', new, 'next_chunk', last, 'next_rows', kept, 'next_dead', head[1] or '0')
  return 0
end
for chunk = 0, chunks - 1 do
  for _, kind in ipairs({'rows:', 'words:'}) do call('UNLINK', kind .. old .. ':' .. chunk) end
end
call('UNLINK', 'tombs:' .. old)
call('HDEL', 'head', 'next', 'next_chunk', 'next_rows', 'next_dead')
call('HSET', 'head', 'generation', new, 'rows', kept, 'dead', head[1] or '0')
stamp()
return 1
