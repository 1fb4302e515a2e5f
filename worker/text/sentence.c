/* sentence.c - the table; see sentence.h. */
#include "worker/text/sentence.h"

#include <stdio.h>
#include <string.h>

#define SENTENCE_A_NAME_EN                                                                         \
    "A name is 1 to 24 letters and digits, and . _ - ; Latin may stand with Chinese, Japanese or " \
    "Korean, other scripts alone."
#define SENTENCE_A_NAME_ZH                                                                         \
    "名字是1到24个字母、汉字或数字, 以及 . _ - ; 汉字可与拉丁字母混用, 其他文字不可混用。"
#define SENTENCE_A_NAME_ZH_HANT                                                                    \
    "名字是1到24個字母、漢字或數字, 以及 . _ - ; 漢字可與拉丁字母混用, 其他文字不可混用。"

#define SENTENCE_HELP_EN "Use \"/help\" for the commands."
#define SENTENCE_HELP_ZH "输入\"/help\"查看命令。"
#define SENTENCE_HELP_ZH_HANT "輸入\"/help\"查看指令。"

static const char *const sentences[SAY_COUNT][LANG_COUNT] = {
    [SAY_GREETING] = {"Welcome to {room}", "欢迎进入{room}聊天室!", "歡迎進入{room}聊天室!"},
    [SAY_JOINED] = {"{name} has entered the room.", "{name}进入聊天室!", "{name}進入聊天室!"},
    [SAY_LEFT] = {"{name} has left the room.", "{name}离开聊天室!", "{name}離開聊天室!"},
    [SAY_LOG_IN] = {"Please log in\r\nUse \"login <nick>\"", "请先登录\r\n使用\"login <昵称>\"",
                    "請先登入\r\n使用\"login <暱稱>\""},
    [SAY_LOGGED_IN] = {"You are {name}. Use /nick NAME", "你是{name}。使用 /nick 昵称",
                       "你是{name}。使用 /nick 暱稱"},
    [SAY_NO_NAME] = {"Please enter a name", "请输入名字", "請輸入名字"},
    [SAY_NAME_TAKEN] = {"The name \"{name}\" is taken.\r\nPlease try again.",
                        "名字\"{name}\"已被使用。\r\n请重试。",
                        "名字\"{name}\"已被使用。\r\n請重試。"},
    [SAY_SPEECH] = {"{name}: {text}", "{name}: {text}"},
    [SAY_BARE] = {"{text}", "{text}"},
    [SAY_LOOK] = {"The following are in this room:", "聊天室里有:", "聊天室裡有:"},
    [SAY_WHO] = {"The following are logged in:", "在线用户:", "線上使用者:"},
    [SAY_WHO_IDLE] = {"{name} (idle {text})", "{name} (空闲 {text})", "{name} (空閒 {text})"},
    [SAY_WHO_BOT] = {"{name} (bot)", "{name} (机器人)", "{name} (機器人)"},
    [SAY_WHO_BOT_IDLE] = {"{name} (bot, idle {text})", "{name} (机器人, 空闲 {text})",
                          "{name} (機器人, 空閒 {text})"},
    [SAY_UNKNOWN] = {"Unknown command: {text}\r\n" SENTENCE_HELP_EN,
                     "未知命令: {text}\r\n" SENTENCE_HELP_ZH,
                     "未知指令: {text}\r\n" SENTENCE_HELP_ZH_HANT},
    [SAY_HELP] = {SENTENCE_HELP_EN, SENTENCE_HELP_ZH, SENTENCE_HELP_ZH_HANT},
    [SAY_SKIPPED] = {"*** {n} line{s} skipped", "*** 跳过{n}行", "*** 跳過{n}行"},
    [SAY_DROPPED] = {"*** {n} of your lines {were} dropped: too fast.",
                     "*** 说得太快, 丢弃了{n}行。", "*** 說得太快, 丟棄了{n}行。"},
    [SAY_EARLIER] = {"*** {n} earlier line{s}", "*** 之前的{n}行", "*** 之前的{n}行"},
    [SAY_NICK] = {"{name} is now known as {text}.", "{name}改名为{text}。", "{name}改名為{text}。"},
    [SAY_PRIVATE_TO] = {"[{name}] {text}", "[{name}] {text}"},
    [SAY_PRIVATE_COPY] = {"[to {name}] {text}", "[对 {name}] {text}", "[對 {name}] {text}"},
    [SAY_NOBODY] = {"There is no \"{name}\" here.", "没有\"{name}\"这个人。",
                    "沒有\"{name}\"這個人。"},
    [SAY_NOT_READING] = {"*** {name} is not reading; your line was not delivered.",
                         "*** {name}没有在读, 你的话没有送到。",
                         "*** {name}沒有在讀, 你的話沒有送到。"},
    [SAY_NOT_A_NAME] = {"That is not a name: {text}\r\n" SENTENCE_A_NAME_EN,
                        "这不是名字: {text}\r\n" SENTENCE_A_NAME_ZH,
                        "這不是名字: {text}\r\n" SENTENCE_A_NAME_ZH_HANT},
    [SAY_TOO_LONG] = {"That line is too long.\r\nA line has at most {n} bytes.",
                      "这一行太长了。\r\n一行最多{n}字节。",
                      "這一行太長了。\r\n一行最多{n}位元組。"},
    [SAY_NO_WORD] = {"*** Goodbye: no word from you.", "*** 再见: 太久没有消息。",
                     "*** 再見: 太久沒有訊息。"},
    [SAY_NO_LOGIN] = {"*** Goodbye: you did not log in.", "*** 再见: 没有登录。",
                      "*** 再見: 沒有登入。"},
    [SAY_KICKED] = {"*** You were asked to leave.", "*** 你被请出聊天室。", "*** 你被請出聊天室。"},
    [SAY_KICKED_WHY] = {"*** You were asked to leave: {text}", "*** 你被请出聊天室: {text}",
                        "*** 你被請出聊天室: {text}"},
    [SAY_WAS_KICKED] = {"{name} was asked to leave.", "{name}被请出聊天室。",
                        "{name}被請出聊天室。"},
    [SAY_ANNOUNCED] = {"*** {text}", "*** {text}"},
    [SAY_MUTED] = {"You are muted.", "你被禁言了。", "你被禁言了。"},
    [SAY_UNMUTED] = {"You may speak again.", "你可以说话了。", "你可以說話了。"},
    [SAY_BANNED] = {"*** You are banned.", "*** 你被禁止进入。", "*** 你被禁止進入。"},
    [SAY_GOING_DOWN] = {"*** The server is going down.", "*** 服务器已被关闭!",
                        "*** 伺服器已被關閉!"},
    [SAY_ROOM_FULL] = {"The room is full.", "聊天室已满。", "聊天室已滿。"},
    [SAY_ADDRESS_FULL] = {"Too many connections from your address.", "来自你的地址的连接太多了。",
                          "來自你的地址的連線太多了。"},
    [SAY_ME] = {"* {name} {text}", "* {name} {text}"},
    [SAY_IGNORING] = {"You no longer see what {name} says.", "你不再看到{name}的发言。",
                      "你不再看到{name}的發言。"},
    [SAY_NOT_IGNORING] = {"You see what {name} says again.", "你重新看到{name}的发言。",
                          "你重新看到{name}的發言。"},
    [SAY_NOT_IGNORED] = {"You see what {name} says.", "你看得到{name}的发言。",
                         "你看得到{name}的發言。"},
    [SAY_IGNORED] = {"*** You ignore the following:", "*** 你已屏蔽:", "*** 你已封鎖:"},
    [SAY_IGNORED_NONE] = {"*** You ignore nobody.", "*** 你没有屏蔽任何人。",
                          "*** 你沒有封鎖任何人。"},
    [SAY_IGNORE_HOW] = {"Use /ignore NAME or /unignore NAME", "使用 /ignore 昵称 或 /unignore 昵称",
                        "使用 /ignore 暱稱 或 /unignore 暱稱"},
    [SAY_IGNORE_SELF] = {"You cannot ignore yourself.", "不能屏蔽自己。", "不能封鎖自己。"},
    [SAY_IGNORES_FULL] = {"You ignore {n} {people} already; that is the most.",
                          "你已屏蔽{n}人, 不能再多了。", "你已封鎖{n}人, 不能再多了。"},
    [SAY_ENCODING] = {"*** Your encoding is now {text}.", "*** 你的编码现在是{text}。",
                      "*** 你的編碼現在是{text}。"},
    [SAY_ENCODING_NOW] = {"*** Your encoding is {name}.", "*** 你的编码是{name}。",
                          "*** 你的編碼是{name}。"},
    [SAY_ENCODING_IS] =
        {"*** You seem to type {text}: you are now sent {text} too (/encoding changes it).",
         "*** 你输入的是{text}, 现在也以{text}发送给你 (/encoding 可更改)。",
         "*** 你輸入的是{text}, 現在也以{text}發送給你 (/encoding 可更改)。"},
    [SAY_ENCODING_WHICH] = {"Use /encoding NAME: {text}", "使用 /encoding 名称: {text}",
                            "使用 /encoding 名稱: {text}"},
    [SAY_TIMESTAMPS_ON] = {"*** Lines now begin with their time.", "*** 现在每行显示时间。",
                           "*** 現在每行顯示時間。"},
    [SAY_TIMESTAMPS_OFF] = {"*** Lines no longer begin with their time.", "*** 不再显示时间。",
                            "*** 不再顯示時間。"},
    [SAY_TIMESTAMPS_NOW_ON] = {"*** Lines begin with their time.", "*** 每行显示时间。",
                               "*** 每行顯示時間。"},
    [SAY_TIMESTAMPS_NOW_OFF] = {"*** Lines do not begin with their time.", "*** 不显示时间。",
                                "*** 不顯示時間。"},
    [SAY_TIMESTAMPS_HOW] = {"Use /timestamps on or off", "使用 /timestamps on 或 off",
                            "使用 /timestamps on 或 off"},
    [SAY_HISTORY_HOW] = {"Use /history N, N from 1 to {n}", "使用 /history N, N 为 1 到 {n}",
                         "使用 /history N, N 為 1 到 {n}"},
    [SAY_WHAT_TO_SAY] = {"Use {text}", "使用 {text}", "使用 {text}"},
    [SAY_NO_REPLY_TO] = {"Nobody has written to you yet.", "还没有人给你发过消息。",
                         "還沒有人給你發過訊息。"},
    [SAY_HERE] = {"*** Yes, {room} is here.", "*** {room}在这里。", "*** {room}在這裡。"},
    [SAY_LINK_DOWN] = {"*** The link to the other machines is down.",
                       "*** 与其他机器的连接断开了。", "*** 與其他機器的連線斷開了。"},
    [SAY_LINK_UP] = {"*** The link to the other machines is up again.",
                     "*** 与其他机器的连接恢复了。", "*** 與其他機器的連線恢復了。"},
    [SAY_NODE_AWAY] = {"*** {name} is out of reach ({n} {people}).", "*** 连不上{name}了({n}人)。",
                       "*** 連不上{name}了({n}人)。"},
    [SAY_NODE_BACK] = {"*** {name} is back ({n} {people}).", "*** {name}回来了({n}人)。",
                       "*** {name}回來了({n}人)。"},
    [SAY_NO_JSON] = {"That is not a message: {text}", "这不是消息 ({text})。",
                     "這不是訊息 ({text})。"},
    [SAY_NO_DO] = {"There is no such \"do\". There are: {text}", "没有这个\"do\"。可用的有: {text}",
                   "沒有這個\"do\"。可用的有: {text}"},
};

/* How many bytes of text[0, len) fit into `space`: whole characters only. */
static size_t sentence_fits(const char *text, size_t len, size_t space) {
    if (len <= space)
        return len;
    while (space > 0 && ((unsigned char)text[space] & 0xC0) == 0x80)
        space--;
    return space;
}

/* A text under construction; the last two bytes of it are kept for the line end. */
struct sentence_out {
    char *at;
    size_t space;
};

static void sentence_put(struct sentence_out *out, const char *text, size_t len) {
    len = sentence_fits(text, len, out->space);
    memcpy(out->at, text, len);
    out->at += len;
    out->space -= len;
}

/* The value of the mark at `p`, and its length there; a brace that begins no mark stands for
 * itself. */
static const char *sentence_mark(const char *p, const struct words *words, const char *digits,
                                 size_t *len) {
    const struct {
        const char *mark, *value;
    } marks[] = {{"{room}", words->room},
                 {"{name}", words->name},
                 {"{text}", words->text},
                 {"{n}", digits},
                 {"{s}", words->n == 1 ? "" : "s"},
                 {"{were}", words->n == 1 ? "was" : "were"},
                 {"{people}", words->n == 1 ? "person" : "people"}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        *len = strlen(marks[i].mark);
        if (strncmp(p, marks[i].mark, *len) == 0)
            return marks[i].value ? marks[i].value : "";
    }
    *len = 1;
    return "{";
}

size_t sentence_render(enum language language, enum sentence which, const struct words *words,
                       char *out, size_t size) {
    if (!sentences[which][language])
        language = LANG_ZH;
    return sentence_fill(sentences[which][language], words, out, size);
}

enum language sentence_language(enum language language, enum encoding sent) {
    return language == LANG_ZH && sent == ENC_BIG5 ? LANG_ZH_HANT : language;
}

size_t sentence_fill(const char *pattern, const struct words *words, char *out, size_t size) {
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)words->n);
    struct sentence_out o = {out, size - 2};
    for (const char *p = pattern; *p;) {
        size_t len = strcspn(p, "{");
        sentence_put(&o, p, len);
        p += len;
        if (*p == '{') {
            const char *value = sentence_mark(p, words, digits, &len);
            sentence_put(&o, value, strlen(value));
            p += len;
        }
    }
    memcpy(o.at, "\r\n", 2);
    return (size_t)(o.at - out) + 2;
}
