-- Shared by the scripts that put new features of a known image in the place of its old ones.
-- Keys: img:<id>, pixels
local function replace_features(id, record, row, words, digest)
  local image = 'img:' .. id
  local before, old = call('HGET', image, 'digest'), rows_of(image)
  next_chunk(generation())
  call('HSET', image, 'record', record, 'digest', digest)
  call('HDEL', image, 'linked')
  for _, place in ipairs(old) do call('HDEL', image, 'row:' .. place[1]) end
  kill_rows(id, old)
  append_row(image, row, words)
  if before then list_remove('pixels', before, id) end
  list_add('pixels', digest, id)
end
