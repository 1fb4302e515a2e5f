/* script.c - see script.h. */
#include "worker/relay/script.h"

#include "worker/protocol/sha1.h"

#include <stdint.h>
#include <string.h>

/* clang-format off */
#define SCRIPT_OURS                                                                    \
    "local node, life = ARGV[1], ARGV[2]\n"                                            \
    "if redis.call('GET', 'chatroom:lease:' .. node) ~= life then return 'LEASE' end\n"

/* An item without a text.  It has no item before it: receivers tell it by life and turn. */
#define SCRIPT_ITEM                                                                    \
    "local function item(kind, node, life, turn, index, lines)\n"                      \
    "  redis.call('XADD', 'chatroom:lines', 'MAXLEN', '~', ARGV[4], '*', 'i',\n"       \
    "    table.concat({'1', node, life, turn, index, index, lines, ARGV[3], kind,\n"   \
    "      '', '', ''}, '\\t'))\n"                                                     \
    "end\n"

/* A machine's end, if it is in reach; `there` is what chatroom:nodes has of it. */
#define SCRIPT_END                                                                     \
    SCRIPT_ITEM                                                                        \
    "local function over(node, there)\n"                                               \
    "  local life, turn = string.match(there or '', '^(%x+) (%d+)$')\n"                \
    "  local mark = redis.call('HGET', 'chatroom:marks', node) or ''\n"                \
    "  if life then\n"                                                                 \
    "    item('end', node, life, turn, string.match(mark, '^%x+ (%d+)') or '0', '0')\n"\
    "  end\n"                                                                          \
    "end\n"

#define SCRIPT_LAST                                                                    \
    "local last = redis.call('XREVRANGE', 'chatroom:lines', '+', '-', 'COUNT', '1')\n" \
    "last = last[1] and last[1][1] or '0-0'\n"

static const char *const script_texts[SCRIPTS] = {
[SCRIPT_CLAIM] =
    "local node, life, known = ARGV[1], ARGV[2], ''\n"
    "local held = redis.call('GET', 'chatroom:lease:' .. node)\n"
    "if held and held ~= life then return 'TAKEN' end\n"
    "for _, key in ipairs({'chatroom:marks', 'chatroom:nodes'}) do\n"
    "  local other = string.match(redis.call('HGET', key, node) or '', '^%x+') or ''\n"
    "  if other > known then known = other end\n"
    "end\n"
    "if known > life then return 'LATER ' .. known end\n"
    "redis.call('SET', 'chatroom:lease:' .. node, life, 'PX', ARGV[3])\n"
    "redis.call('DEL', 'chatroom:arriving:' .. node)\n"
    "return 'OK'\n",

[SCRIPT_PEOPLE] =
    SCRIPT_OURS
    "redis.call('HSET', 'chatroom:arriving:' .. node, unpack(ARGV, 3))\n"
    "return 'OK'\n",

/* A life that is in reach already keeps its turn, and the others hear nothing. */
[SCRIPT_ENTER] =
    SCRIPT_OURS
    SCRIPT_END
    "local there = redis.call('HGET', 'chatroom:nodes', node) or ''\n"
    "local mark = redis.call('HGET', 'chatroom:marks', node) or ''\n"
    "local marked, index, turn = string.match(mark, '^(%x+) (%d+) (%d+)$')\n"
    "if marked ~= life then index, turn = ARGV[8], 0 end\n"
    "local other, now = string.match(there, '^(%x+) (%d+)$')\n"
    "if other == life then\n"
    "  turn = now\n"
    "else\n"
    "  over(node, there)\n"
    "  turn = math.max(tonumber(turn), tonumber(ARGV[5])) + 1\n"
    "  item('hello', node, life, turn, ARGV[6], ARGV[7])\n"
    "  redis.call('HSET', 'chatroom:nodes', node, life .. ' ' .. turn)\n"
    "end\n"
    "redis.call('HSET', 'chatroom:marks', node, life .. ' ' .. index .. ' ' .. turn)\n"
    "if redis.call('EXISTS', 'chatroom:arriving:' .. node) == 1 then\n"
    "  redis.call('RENAME', 'chatroom:arriving:' .. node, 'chatroom:people:' .. node)\n"
    "else\n"
    "  redis.call('DEL', 'chatroom:people:' .. node)\n"
    "end\n"
    SCRIPT_LAST
    "return {'OK', index, tostring(turn), last}\n",

[SCRIPT_PASS] =
    SCRIPT_OURS
    "local mark = redis.call('HGET', 'chatroom:marks', node) or ''\n"
    "local want = life .. ' ' .. ARGV[3] .. ' '\n"
    "if string.sub(mark, 1, #want) ~= want then return 'GAP ' .. mark end\n"
    "redis.call('XADD', 'chatroom:lines', 'MAXLEN', '~', ARGV[6], '*', 'i', ARGV[5])\n"
    "local op = ARGV[7]\n"
    "if op then\n"
    "  local people, name, value = 'chatroom:people:' .. node, ARGV[8], ARGV[9]\n"
    "  if op == 'r' then\n"
    "    name, value = value, redis.call('HGET', people, name) or ''\n"
    "  end\n"
    "  if op ~= '+' then redis.call('HDEL', people, ARGV[8]) end\n"
    "  if op ~= '-' then redis.call('HSET', people, name, value) end\n"
    "end\n"
    "redis.call('HSET', 'chatroom:marks', node,\n"
    "  life .. ' ' .. ARGV[4] .. ' ' .. string.sub(mark, #want + 1))\n"
    "return 1\n",

[SCRIPT_BEAT] =
    SCRIPT_OURS
    SCRIPT_END
    "redis.call('PEXPIRE', 'chatroom:lease:' .. node, ARGV[5])\n"
    "local nodes = ARGV[6] == '1' and redis.call('HGETALL', 'chatroom:nodes') or {}\n"
    "for i = 1, #nodes, 2 do\n"
    "  local other = nodes[i]\n"
    "  if redis.call('EXISTS', 'chatroom:lease:' .. other) == 0 then\n"
    "    over(other, nodes[i + 1])\n"
    "    redis.call('HDEL', 'chatroom:nodes', other)\n"
    "    redis.call('DEL', 'chatroom:people:' .. other)\n"
    "  end\n"
    "end\n"
    "return 'OK'\n",

/* One machine's people that are no hash are no reason to have no link. */
[SCRIPT_WORLD] =
    SCRIPT_LAST
    "local world, nodes = {last}, redis.call('HGETALL', 'chatroom:nodes')\n"
    "for i = 1, #nodes, 2 do\n"
    "  local mark = redis.call('HGET', 'chatroom:marks', nodes[i]) or ''\n"
    "  world[#world + 1] = nodes[i]\n"
    "  world[#world + 1] = nodes[i + 1]\n"
    "  world[#world + 1] = string.match(mark, '^%x+ (%d+)') or '0'\n"
    "  local people = redis.pcall('HGETALL', 'chatroom:people:' .. nodes[i])\n"
    "  world[#world + 1] = people.err and {} or people\n"
    "end\n"
    "return world\n",

[SCRIPT_BYE] =
    SCRIPT_OURS
    SCRIPT_END
    "over(node, redis.call('HGET', 'chatroom:nodes', node))\n"
    "redis.call('HDEL', 'chatroom:nodes', node)\n"
    "redis.call('DEL', 'chatroom:lease:' .. node, 'chatroom:people:' .. node)\n"
    "return 'OK'\n",
};
/* clang-format on */

const char *script_text(enum script script) {
    return script_texts[script];
}

void script_name(enum script script, char out[SCRIPT_NAME]) {
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[SHA1_BYTES];
    sha1(script_texts[script], strlen(script_texts[script]), hash);
    for (int i = 0; i < SHA1_BYTES; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[SCRIPT_NAME - 1] = '\0';
}
