-- Remove a lock if it still holds what it should. ARGV: name, what it should hold.
-- Keys: lock:<name>
if call('GET', 'lock:' .. ARGV[1]) == ARGV[2] then return call('DEL', 'lock:' .. ARGV[1]) end
return 0
