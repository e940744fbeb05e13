-- Remove a lock if it still holds what it should. ARGV: name, what it should hold.
-- Keys: lock:<name>
if call('GET', P .. 'lock:' .. ARGV[1]) == ARGV[2] then call('DEL', P .. 'lock:' .. ARGV[1]) end
