-- Note something about an image, if it is there. ARGV: id, field, value.
-- Keys: img:<id>
if call('EXISTS', 'img:' .. ARGV[1]) == 1 then call('HSET', 'img:' .. ARGV[1], ARGV[2], ARGV[3]) end
