-- One decision about several budgets: all are counted, or none. Times are microseconds of this server's clock.
-- KEYS: a budget each; what belongs to it has names that begin with its own and carry the same {hash tag}.
-- ARGV: 1 to count, 0 to look; who holds a place; how long a place is held; the most entries of a window; then for
-- each budget: how many windows, (seconds, quota) of each; size of the burst, microseconds for each token; at once.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local is_counted, holder = ARGV[1] == '1', ARGV[2]
local lease, entries = tonumber(ARGV[3]), tonumber(ARGV[4])
local at = 5
local function argument()
  at = at + 1
  return tonumber(ARGV[at - 1])
end

local function parts(entry)
  local gap = string.find(entry, ' ', 1, true)
  return tonumber(string.sub(entry, 1, gap - 1)), tonumber(string.sub(entry, gap + 1))
end

local budgets = {}
for index, key in ipairs(KEYS) do
  local budget = {key = key, windows = {}}
  for number = 1, argument() do
    local seconds = argument()
    budget.windows[number] = {
      list = key .. ':' .. seconds, name = seconds, length = seconds * 1000000, quota = argument()
    }
  end
  budget.burst, budget.interval, budget.at_once = argument(), argument(), argument()
  budget.state = {}
  local flat = redis.call('HGETALL', key)
  for place = 1, #flat, 2 do budget.state[flat[place]] = tonumber(flat[place + 1]) end
  now = math.max(now, budget.state.last or 0) -- a server's clock may be set back; its counts may not
  budgets[index] = budget
end

local wait, refused_budget, refused_measure = -1, 0, 0
local function refuse(pause, budget, measure)
  if pause > wait then wait, refused_budget, refused_measure = pause, budget, measure end
end

for index, budget in ipairs(budgets) do
  for number, window in ipairs(budget.windows) do
    local used = budget.state['used' .. window.name] or 0
    local first = redis.call('LINDEX', window.list, 0)
    while first do
      local stamp, count = parts(first)
      if stamp + window.length > now then
        window.oldest = stamp
        break
      end
      used = used - count
      redis.call('LPOP', window.list)
      first = redis.call('LINDEX', window.list, 0)
    end
    if not first then used = 0 end
    if used ~= (budget.state['used' .. window.name] or 0) then
      redis.call('HSET', budget.key, 'used' .. window.name, used)
    end
    window.used = used
    local excess = used + 1 - window.quota
    if excess > 0 then
      for _, entry in ipairs(redis.call('LRANGE', window.list, 0, excess - 1)) do
        local stamp, count = parts(entry)
        excess = excess - count
        if excess <= 0 then
          refuse(stamp + window.length - now, index, number)
          break
        end
      end
    end
  end
  if budget.burst > 0 then
    budget.full_at = math.max(budget.state.full_at or 0, now)
    if budget.full_at - now > (budget.burst - 1) * budget.interval then
      refuse(budget.full_at - now - (budget.burst - 1) * budget.interval, index, #budget.windows + 1)
    end
  end
  if budget.at_once > 0 then
    budget.held = budget.key .. ':held'
    redis.call('ZREMRANGEBYSCORE', budget.held, '-inf', now)
    budget.under_way = redis.call('ZCARD', budget.held)
    if budget.under_way >= budget.at_once then
      refuse(0, index, #budget.windows + (budget.burst > 0 and 2 or 1))
    end
  end
end

if wait < 0 and is_counted then
  for _, budget in ipairs(budgets) do
    local keep, changes = 1000000, {'last', now}
    for _, window in ipairs(budget.windows) do
      local quantum = window.quota > entries and math.ceil(window.length / entries) or 0
      local begun = 'begun' .. window.name
      if quantum > 0 and window.used > 0 and now - (budget.state[begun] or 0) < quantum then
        local _, count = parts(redis.call('LINDEX', window.list, -1))
        redis.call('LSET', window.list, -1, string.format('%.0f %.0f', now, count + 1))
      else
        redis.call('RPUSH', window.list, string.format('%.0f 1', now))
        changes[#changes + 1], changes[#changes + 2] = begun, string.format('%.0f', now)
      end
      window.used = window.used + 1
      window.oldest = window.oldest or now
      changes[#changes + 1], changes[#changes + 2] = 'used' .. window.name, window.used
      redis.call('PEXPIRE', window.list, window.length / 1000 + 1000)
      keep = math.max(keep, window.length)
    end
    if budget.burst > 0 then
      budget.full_at = budget.full_at + budget.interval
      changes[#changes + 1], changes[#changes + 2] = 'full_at', string.format('%.0f', budget.full_at)
      keep = math.max(keep, budget.burst * budget.interval)
    end
    if budget.at_once > 0 then
      redis.call('ZADD', budget.held, now + lease, holder)
      redis.call('PEXPIRE', budget.held, lease / 1000 + 1000)
      budget.under_way = budget.under_way + 1
    end
    changes[2] = string.format('%.0f', now)
    redis.call('HSET', budget.key, unpack(changes))
    redis.call('PEXPIRE', budget.key, math.ceil(keep / 1000) + 1000)
  end
end

local told = {wait, refused_budget, refused_measure}
local function tell(remaining, reset)
  told[#told + 1], told[#told + 2] = math.max(0, remaining), math.max(0, reset)
end
for _, budget in ipairs(budgets) do
  for _, window in ipairs(budget.windows) do
    tell(window.quota - window.used, window.oldest and window.oldest + window.length - now or 0)
  end
  if budget.burst > 0 then
    local lacking = budget.full_at - now
    tell(budget.burst - math.ceil(lacking / budget.interval), lacking > 0 and (lacking - 1) % budget.interval + 1 or 0)
  end
  if budget.at_once > 0 then tell(budget.at_once - budget.under_way, 0) end
end
return told
