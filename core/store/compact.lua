-- Rewrite the shard's columns without their dead rows, under a new generation. The name of every chunk holds its generation,
-- so that a reader can never mix two. Gives the number of rows left.
local old = generation()
local new = string.format('%d', tonumber(old) + 1)
local total = tonumber(call('HGET', P .. 'head', 'rows') or '0')
local dead_id, kept, pending_rows, pending_words = string.rep('\0', 32), 0, {}, {}

local hex = {}
for byte = 0, 255 do hex[string.char(byte)] = string.format('%02x', byte) end

local function flush()
  if #pending_rows == 0 then return end
  local chunk = new .. ':' .. (math.ceil(kept / CHUNK) - 1)
  call('SET', P .. 'rows:' .. chunk, table.concat(pending_rows))
  local words = table.concat(pending_words)
  if #words > 0 then call('SET', P .. 'words:' .. chunk, words) end
  pending_rows, pending_words = {}, {}
end

for chunk = 0, math.ceil(total / CHUNK) - 1 do
  local name = old .. ':' .. chunk
  local rows, words, word_at = call('GET', P .. 'rows:' .. name), call('GET', P .. 'words:' .. name) or '', 0
  for at = 0, #rows - ROW, ROW do
    local size = word_count(rows, at) * WORD
    local id = string.sub(rows, at + 1, at + 32)
    if id ~= dead_id then
      pending_rows[#pending_rows + 1] = string.sub(rows, at + 1, at + ROW)
      pending_words[#pending_words + 1] = string.sub(words, word_at + 1, word_at + size)
      call('HSET', P .. 'img:' .. string.gsub(id, '.', hex), 'row', kept)
      kept = kept + 1
      if kept % CHUNK == 0 then flush() end
    end
    word_at = word_at + size
  end
  call('DEL', P .. 'rows:' .. name, P .. 'words:' .. name)
end
flush()
call('DEL', P .. 'tombs:' .. old)
call('HSET', P .. 'head', 'generation', new, 'rows', kept, 'dead', 0)
stamp()
return kept
