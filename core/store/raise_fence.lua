-- Raise a tag's fence (intents.py).
-- ARGV: expected fence. Returns the new fence, or 'fence' when somebody else raised it.
-- Keys: head, none (never there)
if fence_moved(ARGV[1]) then return 'fence' end
call('DEL', 'none') -- a removal comes first, so that a server that is full lets the rest through
return tostring(call('HINCRBY', 'head', 'fence', 1))
