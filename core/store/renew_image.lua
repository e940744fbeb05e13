-- Put features that were extracted again in the place of those from which the caller began.
-- ARGV: id, the last bytes of the record from which it began, record, row, words, digest, unix seconds; row '': nothing but the record changed.
-- Returns renewed, changed (another record is there now) or absent (the image was forgotten). Nothing is done but for renewed.
-- Keys: img:<id>
local id, checksum, record, row, words, digest, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local old = call('HGET', 'img:' .. id, 'record')
if not old then return 'absent' end
if string.sub(old, -#checksum) ~= checksum then return 'changed' end
if row == '' then
  call('HSET', 'img:' .. id, 'record', record)
else
  replace_features(id, record, row, words, digest)
  call('HSET', 'img:' .. id, 'renewed', now)
end
return 'renewed'
