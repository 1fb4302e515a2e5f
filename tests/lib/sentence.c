/* sentence.c - see sentence.h. */
#include "tests/lib/sentence.h"

#include <stdio.h>
#include <string.h>

/* $1 and $2 are the first and the second argument. */
static const char *const sentences[TOLD_COUNT][2] = {
    [TOLD_GREETING] = {"Welcome to $1", "欢迎进入$1聊天室!"},
    [TOLD_COMES] = {"$1 has entered the room.", "$1进入聊天室!"},
    [TOLD_GOES] = {"$1 has left the room.", "$1离开聊天室!"},
    [TOLD_LOG_IN] = {"Please log in", "请先登录"},
    [TOLD_HOW] = {"Use \"login <nick>\"", "使用\"login <昵称>\""},
    [TOLD_NO_NAME] = {"Please enter a name", "请输入名字"},
    [TOLD_TAKEN] = {"The name \"$1\" is taken.", "名字\"$1\"已被使用。"},
    [TOLD_TRY_AGAIN] = {"Please try again.", "请重试。"},
    [TOLD_SPEECH] = {"$1: $2", "$1: $2"},
    [TOLD_LOOK] = {"The following are in this room:", "聊天室里有:"},
    [TOLD_WHO] = {"The following are logged in:", "在线用户:"},
    [TOLD_UNKNOWN] = {"Unknown command: $1", "未知命令: $1"},
    [TOLD_HELP] = {"Use \"/help\" for the commands.", "输入\"/help\"查看命令。"},
    [TOLD_SKIPPED] = {"*** $1 lines skipped", "*** 跳过$1行"},
    [TOLD_EARLIER] = {"*** $1 earlier lines", "*** 之前的$1行"},
    [TOLD_NICK] = {"$1 is now known as $2.", "$1改名为$2。"},
    [TOLD_PRIVATE] = {"[$1] $2", "[$1] $2"},
    [TOLD_COPY] = {"[to $1] $2", "[对 $1] $2"},
    [TOLD_NOBODY] = {"There is no \"$1\" here.", "没有\"$1\"这个人。"},
    [TOLD_NOT_READING] = {"*** $1 is not reading; your line was not delivered.",
                          "*** $1没有在读, 你的话没有送到。"},
    [TOLD_NOT_A_NAME] = {"That is not a name: $1", "这不是名字: $1"},
    [TOLD_A_NAME] =
        {"A name is 1 to 24 letters and digits, and . _ - ; Latin may stand with Chinese, Japanese "
         "or Korean, other scripts alone.",
         "名字是1到24个字母、汉字或数字, 以及 . _ - ; 汉字可与拉丁字母混用, 其他文字不可混用。"},
    [TOLD_LOGGED_IN] = {"You are $1. Use /nick NAME", "你是$1。使用 /nick 昵称"},
    [TOLD_TOO_LONG] = {"That line is too long.", "这一行太长了。"},
    [TOLD_LIMIT] = {"A line has at most $1 bytes.", "一行最多$1字节。"},
    [TOLD_NO_WORD] = {"*** Goodbye: no word from you.", "*** 再见: 太久没有消息。"},
    [TOLD_NO_LOGIN] = {"*** Goodbye: you did not log in.", "*** 再见: 没有登录。"},
    [TOLD_GOING_DOWN] = {"*** The server is going down.", "*** 服务器已被关闭!"},
    [TOLD_FULL] = {"The room is full.", NULL}, /* specified in English only */
    [TOLD_ADDRESS_FULL] = {"Too many connections from your address.", "来自你的地址的连接太多了。"},
    [TOLD_HERE] = {"*** Yes, $1 is here.", "*** $1在这里。"},
    [TOLD_ME] = {"* $1 $2", "* $1 $2"},
};

const char *told_in(enum tongue tongue, enum told which, const char *first, const char *second) {
    static char texts[8][8192];
    static unsigned turn;
    char *text = texts[turn++ % 8];
    const char *args[] = {first, second};
    size_t at = 0;
    for (const char *p = sentences[which][tongue]; *p; p++) {
        if (*p == '$')
            at += (size_t)snprintf(text + at, sizeof texts[0] - at, "%s", args[*++p - '1']);
        else
            text[at++] = *p;
    }
    text[at] = '\0';
    if (tongue == EN && (which == TOLD_SKIPPED || which == TOLD_EARLIER) && strcmp(first, "1") == 0)
        strcpy(text, which == TOLD_SKIPPED ? "*** 1 line skipped" : "*** 1 earlier line");
    return text;
}
