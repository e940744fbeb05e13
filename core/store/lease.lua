-- Leases: marks of a holder that expire by themselves. ARGV: operation, holder, milliseconds, names.
-- Each step answers for each name whether the holder has the lease now (take), or had it (release).
-- Keys: lease:<name>
local holder, answers = ARGV[2], {}
for at = 4, #ARGV do
  local name = 'lease:' .. ARGV[at]
  local found = call('GET', name)
  if ARGV[1] == 'take' and (not found or found == holder) then
    call('SET', name, holder, 'PX', ARGV[3])
    found = holder
  elseif ARGV[1] == 'release' and found == holder then
    call('DEL', name)
  end
  answers[#answers + 1] = found == holder and 1 or 0
end
return answers
