-- Remove a lock if it is still the caller's. ARGV: name, what the lock must hold. Returns 1 if it was removed, else 0.
-- KEYS[1] is the prefix of the tag `meta`. Touches lock:<name>.
local lock = KEYS[1] .. 'lock:' .. ARGV[1]
return redis.call('GET', lock) == ARGV[2] and redis.call('DEL', lock) or 0
