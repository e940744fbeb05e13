-- Note something about an image, if it is there. ARGV: id, field, value. An image that was linked leaves the queue.
-- Keys: img:<id>
if call('EXISTS', 'img:' .. ARGV[1]) == 1 then
  if ARGV[2] == 'linked' then dequeue(ARGV[1]) end
  call('HSET', 'img:' .. ARGV[1], ARGV[2], ARGV[3])
end
