import { Script } from '../redis/script.js';

/**
 * Seconds that a mark of counted uses is kept. A count with an unknown outcome is undone within this time; after it,
 * only the count's own expiry ends it.
 */
export const REMEMBERED_FOR = 30;

/**
 * Counts one use for each rule, or none if one of them refuses.
 *
 * KEYS[1] is the mark of these uses, the other keys are the counts. ARGV: points and seconds for each count. Returns
 * nothing when all were counted; otherwise the position of each refusing count and the ms until its window ends.
 * (`unpack`: ioredis-mock loses a table that has grown.)
 */
export const COUNT = new Script(`
  local refused = {}
  for place = 2, #KEYS do
    local count = tonumber(redis.call('GET', KEYS[place]) or '0')
    if count >= tonumber(ARGV[2 * place - 3]) then
      table.insert(refused, place - 2)
      table.insert(refused, redis.call('PTTL', KEYS[place]))
    end
  end
  if #refused > 0 then return {unpack(refused)} end
  if not redis.call('SET', KEYS[1], 'counted', 'EX', ${REMEMBERED_FOR}, 'NX') then return {} end
  for place = 2, #KEYS do
    if redis.call('INCR', KEYS[place]) == 1 then redis.call('EXPIRE', KEYS[place], ARGV[2 * place - 2]) end
  end
  return {}`);

/**
 * Undoes COUNT for this mark, at most once, and does nothing if COUNT counted nothing. A COUNT that arrives after UNDO
 * counts nothing either, so their order does not matter.
 *
 * KEYS as in COUNT. Returns 1 when something was undone.
 */
export const UNDO = new Script(`
  local mark = redis.call('GET', KEYS[1])
  redis.call('SET', KEYS[1], 'void', 'EX', ${REMEMBERED_FOR})
  if mark ~= 'counted' then return 0 end
  for place = 2, #KEYS do
    if redis.call('DECR', KEYS[place]) <= 0 then redis.call('DEL', KEYS[place]) end
  end
  return 1`);

/** Gives back one use of each of KEYS. A count that reaches zero is deleted, so its window starts again. */
export const GIVE_BACK = new Script(`
  for place = 1, #KEYS do
    if redis.call('DECR', KEYS[place]) <= 0 then redis.call('DEL', KEYS[place]) end
  end
  return #KEYS`);
