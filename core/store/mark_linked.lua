-- Note when an image was linked, if it is there. ARGV: id, unix seconds.
-- Keys: img:<id>
if call('EXISTS', 'img:' .. ARGV[1]) == 1 then call('HSET', 'img:' .. ARGV[1], 'linked', ARGV[2]) end
