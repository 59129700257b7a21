import { Script } from '../redis/script.js';

/**
 * Seconds that it is remembered which uses were counted. A use whose count has an unknown outcome is taken back
 * within this time; later, its count expires by itself.
 */
export const REMEMBERED_FOR = 30;

/**
 * Counts one use of each rule, or none where one of them refuses.
 *
 * KEYS[1] the mark of these uses, the others a count each. ARGV: how many and how many seconds, for each count.
 * Returns nothing when all were counted; else, for each that refuses, its place and the ms until its window ends.
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
 * Takes back what COUNT counted under this mark, once; where it counted nothing, nothing. A COUNT that arrives after
 * it counts nothing either: the order of the two does not matter.
 *
 * KEYS as of COUNT. Returns 1 when it took something back.
 */
export const UNDO = new Script(`
  local mark = redis.call('GET', KEYS[1])
  redis.call('SET', KEYS[1], 'void', 'EX', ${REMEMBERED_FOR})
  if mark ~= 'counted' then return 0 end
  for place = 2, #KEYS do
    if redis.call('DECR', KEYS[place]) <= 0 then redis.call('DEL', KEYS[place]) end
  end
  return 1`);

/** Takes back one use of each of KEYS. A count that is given back to nothing starts its window anew. */
export const GIVE_BACK = new Script(`
  for place = 1, #KEYS do
    if redis.call('DECR', KEYS[place]) <= 0 then redis.call('DEL', KEYS[place]) end
  end
  return #KEYS`);
