-- Set a field of an image that is there. ARGV: id, field, value. Gives 1 if it is there, else 0.
if redis.call('EXISTS', KEYS[1] .. 'img:' .. ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1] .. 'img:' .. ARGV[1], ARGV[2], ARGV[3])
return 1
