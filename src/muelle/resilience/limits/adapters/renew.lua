-- Hold places longer that are still held. KEYS: a set of places each; ARGV: how long, then who holds each.
local time = redis.call('TIME')
local until_then = time[1] * 1000000 + time[2] + tonumber(ARGV[1])
for index, key in ipairs(KEYS) do
  redis.call('ZADD', key, 'XX', 'GT', until_then, ARGV[index + 1])
  redis.call('PEXPIRE', key, tonumber(ARGV[1]) / 1000 + 1000)
end
return #KEYS
