import { HOLDERS_MAX } from './founding.js'

/**
 * All that the instances share, and every change to it, as one script: Redis runs it without interruption, so what is
 * decided here is decided for all.
 *
 * An instance is told what came of it through its own channel only, so all that it learns comes in the order in which it
 * happened.
 *
 * Keys, all beginning with the prefix:
 *
 *     room:<room>       hash    peer -> its stay: i instance, q sequence, t token, d durable, c claims the cluster, s since
 *     at:<room>         hash    instance -> how many stays it has there
 *     cluster:<room>    hash    id, claimants, missed: until then who lost its socket may be back, durable: disks of unknown
 *                               peers may hold its state, over: somebody was the very last one
 *     holders:<room>    set     peers whose disks may hold the cluster's state
 *     rooms-of:<inst.>  set     rooms in which it has stays
 *     rooms             set     all rooms, remembered empty ones included
 *     empty, grace      zset    remembered empty rooms, since when; rooms whose cluster is forgotten, when
 *     kept, tokens      zset, hash   PeerIds kept for who left, until when; their tokens
 *     instances         zset    until when each one lives unless it says so again
 *     since             string  when all this began: no cluster is founded before the warm-up after it is over
 *     to:<instance>     channel
 *
 * The rules of founding are those of `founding.ts`.
 */
export const REDIS_SCRIPT = `
local prefix, self, settings, op = ARGV[1], ARGV[2], cjson.decode(ARGV[3]), ARGV[4]
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ROOMS, EMPTY, GRACE = prefix .. 'rooms', prefix .. 'empty', prefix .. 'grace'
local KEPT, TOKENS, INSTANCES, SINCE = prefix .. 'kept', prefix .. 'tokens', prefix .. 'instances', prefix .. 'since'

local function key(kind, name) return prefix .. kind .. ':' .. name end

local function tell(instance, ...) call('PUBLISH', key('to', instance), cjson.encode({...})) end

local function tellRoom(room, ...)
  for _, instance in ipairs(call('HKEYS', key('at', room))) do tell(instance, ...) end
end

local function stayOf(room, peer)
  local text = call('HGET', key('room', room), peer)
  return text and cjson.decode(text) or nil
end

local function ownStay(room, peer, seq)
  local stay = stayOf(room, peer)
  return stay and stay.i == self and stay.q == tonumber(seq) and stay or nil
end

local function write(room, peer, stay) call('HSET', key('room', room), peer, cjson.encode(stay)) end

local function isEmpty(room) return call('EXISTS', key('room', room)) == 0 end

local function viewOf(room)
  local view, all = {}, call('HGETALL', key('room', room))
  for n = 1, #all, 2 do
    view[#view + 1] = { all[n], cjson.decode(all[n + 1]).i }
  end
  return view
end

-- Clusters

local function clusterOf(room) return call('HGET', key('cluster', room), 'id') or '' end

local function settle(room, clusterId)
  call('HSET', key('cluster', room), 'id', clusterId)
  tellRoom(room, 'cluster', room, clusterId)
end

local function hold(room, peer)
  local holders = key('holders', room)
  if call('SCARD', holders) < ${HOLDERS_MAX} then call('SADD', holders, peer)
  elseif call('SISMEMBER', holders, peer) == 0 then call('HSET', key('cluster', room), 'durable', 1) end
end

local function forgetDisk(room, peer, rest)
  call('SREM', key('holders', room), peer)
  if rest == 'nothing' then
    call('DEL', key('holders', room))
    call('HSET', key('cluster', room), 'over', 1)
  end
  local isOver = call('HEXISTS', key('cluster', room), 'over') == 1
  if rest == 'disks' and not isOver then call('HSET', key('cluster', room), 'durable', 1)
  elseif rest ~= 'unknown' then call('HDEL', key('cluster', room), 'durable') end
end

local function admit(room, peer, stay, clusterId)
  if clusterId ~= clusterOf(room) then return end
  if stay.d == 1 then hold(room, peer) end
  if stay.c == 1 then return end
  stay.c = 1
  write(room, peer, stay)
  call('HINCRBY', key('cluster', room), 'claimants', 1)
end

local function tidy(room)
  call('ZREM', EMPTY, room)
  if not isEmpty(room) then return end
  if clusterOf(room) == '' then call('SREM', ROOMS, room) else call('ZADD', EMPTY, now, room) end
end

local function forget(room)
  call('DEL', key('cluster', room), key('holders', room))
  call('ZREM', GRACE, room)
  tellRoom(room, 'cluster', room, '')
end

local function watchGrace(room)
  local id, durable, claimants, missed = unpack(call('HMGET', key('cluster', room), 'id', 'durable', 'claimants', 'missed'))
  if not id then return end
  if durable or call('EXISTS', key('holders', room)) == 1 or tonumber(claimants or 0) > 0 then
    call('ZREM', GRACE, room)
  else
    local due = math.max(tonumber(missed or 0), isEmpty(room) and 0 or now + settings.claimMs)
    if due <= now then forget(room) else call('ZADD', GRACE, 'NX', due, room) end
  end
end

local function evictOldestEmpty()
  local room = call('ZPOPMIN', EMPTY)[1]
  if not room then return false end
  forget(room)
  call('SREM', ROOMS, room)
  return true
end

-- PeerIds of who left

local function release(name)
  call('ZREM', KEPT, name)
  call('HDEL', TOKENS, name)
end

local function keep(name, token)
  call('ZADD', KEPT, now + settings.reservationMs, name)
  call('HSET', TOKENS, name, token)
  local surplus = call('ZCARD', KEPT) - settings.reservations
  if surplus <= 0 then return end
  for _, oldest in ipairs(call('ZRANGE', KEPT, 0, surplus - 1)) do release(oldest) end
end

local function keptToken(name)
  local untilMs = call('ZSCORE', KEPT, name)
  return untilMs and tonumber(untilMs) > now and call('HGET', TOKENS, name) or nil
end

-- Stays

local function remove(room, peer, stay)
  call('HDEL', key('room', room), peer)
  if call('HINCRBY', key('at', room), stay.i, -1) <= 0 then
    call('HDEL', key('at', room), stay.i)
    call('SREM', key('rooms-of', stay.i), room)
  end
  if stay.c == 1 then call('HINCRBY', key('cluster', room), 'claimants', -1) end
end

local function add(room, peer, stay)
  write(room, peer, stay)
  call('HINCRBY', key('at', room), stay.i, 1)
  call('SADD', key('rooms-of', stay.i), room)
  call('SADD', ROOMS, room)
  call('ZREM', EMPTY, room)
  release(room .. peer)
end

local function miss(room)
  if clusterOf(room) ~= '' then call('HSET', key('cluster', room), 'missed', now + settings.graceMs) end
end

local function leave(room, peer, stay, isEnd, rest)
  if rest ~= '' and stay.c == 1 then forgetDisk(room, peer, rest) end
  remove(room, peer, stay)
  keep(room .. peer, stay.t)
  tellRoom(room, 'left', room, peer)
  if not isEnd then miss(room) end
  watchGrace(room)
  tidy(room)
end

local function refusal(room, peer, before, stay, isAgain)
  local token = before and before.t or keptToken(room .. peer)
  if token and token ~= stay.t then return 'peer-taken' end
  if before or isAgain then return nil end
  if call('HLEN', key('room', room)) >= settings.membersPerRoom then return 'room-full' end
  local isNew = call('SISMEMBER', ROOMS, room) == 0
  if isNew and call('SCARD', ROOMS) >= settings.rooms and not evictOldestEmpty() then return 'too-many-rooms' end
end

local function replace(room, peer, before, stay)
  remove(room, peer, before)
  if before.q == stay.q and before.s == stay.s then
    tellRoom(room, 'moved', room, peer, self)
  else
    miss(room)
    tell(before.i, 'replaced', before.q)
    tellRoom(room, 'joined', room, peer, self)
  end
end

local function reap(instance)
  for _, room in ipairs(call('SMEMBERS', key('rooms-of', instance))) do
    local all = call('HGETALL', key('room', room))
    for n = 1, #all, 2 do
      local stay = cjson.decode(all[n + 1])
      if stay.i == instance then leave(room, all[n], stay, false, '') end
    end
  end
  call('DEL', key('rooms-of', instance))
  call('ZREM', INSTANCES, instance)
end

-- What instances ask

local ops = {}

function ops.enter(room, peer, seq, token, durable, clusterId, since, again, wantsView)
  if not call('ZSCORE', INSTANCES, self) then return end -- it tells all its stays again, once its next beat found out
  local stay = { i = self, q = tonumber(seq), t = token, d = tonumber(durable), c = 0, s = tonumber(since) }
  local before = stayOf(room, peer)
  local isAgain = again == '1'
  local code = refusal(room, peer, before, stay, isAgain)
  if code then return tell(self, 'refused', stay.q, code) end
  if before and isAgain and before.s > stay.s then return tell(self, 'replaced', stay.q) end
  if before then replace(room, peer, before, stay) else tellRoom(room, 'joined', room, peer, self) end
  add(room, peer, stay)
  if clusterId ~= '' then
    if clusterOf(room) == '' then settle(room, clusterId) end
    admit(room, peer, stay, clusterId)
  end
  watchGrace(room)
  tell(self, 'entered', stay.q, room, clusterOf(room), wantsView == '1' and viewOf(room) or false)
end

function ops.leave(room, peer, seq, isEnd, rest)
  local stay = ownStay(room, peer, seq)
  if stay then leave(room, peer, stay, isEnd == '1', rest) end
end

function ops.found(room, peer, seq, clusterId)
  local stay = ownStay(room, peer, seq)
  if not stay then return end
  if clusterOf(room) == '' then
    if now - tonumber(call('GET', SINCE) or now) < settings.warmupMs then return end
    settle(room, clusterId)
  end
  admit(room, peer, stay, clusterId)
  tell(self, 'founded', stay.q, clusterOf(room))
  watchGrace(room)
end

function ops.view(room) tell(self, 'view', room, clusterOf(room), viewOf(room)) end

function ops.reap(instance) reap(instance) end

function ops.beat()
  local isKnown = call('ZSCORE', INSTANCES, self) and true or false
  call('ZADD', INSTANCES, now + settings.leaseMs, self)
  call('SET', SINCE, now, 'NX')
  for _, dead in ipairs(call('ZRANGEBYSCORE', INSTANCES, '-inf', now)) do reap(dead) end
  for _, room in ipairs(call('ZRANGEBYSCORE', GRACE, '-inf', now)) do
    forget(room)
    tidy(room)
  end
  for _, name in ipairs(call('ZRANGEBYSCORE', KEPT, '-inf', now)) do release(name) end
  tell(self, 'beat', isKnown)
end

ops[op](unpack(ARGV, 5))
`
